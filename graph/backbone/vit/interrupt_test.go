package vit

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// ending is a context that ends after a number of calls of Err.
type ending struct {
	context.Context
	left atomic.Int64
}

func (e *ending) Err() error {
	if e.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestLoadInterrupted checks that Load stops when its context ends, at every point where it checks it.
func TestLoadInterrupted(t *testing.T) {
	bb := random(t, tiny)
	model := filepath.Join(t.TempDir(), "model")
	if err := bb.Export(model, "", graph.FP32); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{writeNPZ(t, bb.Weights), writeSafetensors(t, timmNames()), model} {
		stopped := 0
		for n := int64(0); ; n++ {
			ctx := &ending{Context: context.Background()}
			ctx.left.Store(n)
			got, err := backbone.Load(ctx, path, backbone.Options{Heads: 2})
			if err == nil {
				if got.Fingerprint() == "" {
					t.Errorf("%s: an incomplete backbone", path)
				}
				break
			}
			if stopped++; !errors.Is(err, context.Canceled) {
				t.Fatalf("%s after %d questions: %v", path, n, err)
			}
		}
		// Load can stop at each tensor; timm's files have the fewest.
		if want := len(timmNames()); stopped < want {
			t.Errorf("%s: reading asked %d times, want at least %d", path, stopped, want)
		}
	}
}
