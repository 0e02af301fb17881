package tensorboard

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dtl-tf/runner/train"
)

// loop trains steps of 2 an epoch whose loss is 5/2^step, and stops after stop steps.
func loop(from train.Position, epochs, stop int) *train.Loop[int] {
	return &train.Loop[int]{
		Epochs: epochs, From: from, StepsPerEpoch: 2,
		Batches: func(_ context.Context, _, skip int) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := skip; i < 2 && yield(i, nil); i++ {
				}
			}
		},
		Step: func(_ int, _ float64, step int) (float64, error) {
			if step > stop {
				return 0, errors.New("killed")
			}
			return 5 / float64(int(1)<<step), nil
		},
		Rate: func(int) float64 { return 0.001 },
		Size: func(int) int { return 32 },
		// A second passes between two looks at the clock.
		Now: func() func() time.Time {
			at := time.Unix(1_700_000_000, 0)
			return func() time.Time { at = at.Add(time.Second); return at }
		}(),
	}
}

func files(t *testing.T, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, Prefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	return paths
}

// TestKnownBytes holds an event file against the same events written by TensorBoard's own writer.
func TestKnownBytes(t *testing.T) {
	want, err := os.ReadFile("testdata/known.tfevents")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	b := New(folder)
	b.now = func() time.Time { return time.UnixMicro(1_700_000_000_250_000) }
	l := loop(train.Position{}, 1, 99)
	l.Now = func() func() time.Time {
		at := time.Unix(0, 0) // an epoch of one second: 64 images a second
		looks := 0
		return func() time.Time {
			if looks++; looks > 2 {
				return at.Add(time.Second)
			}
			return at
		}
	}()
	b.Attach(&l.Hooks)
	if _, err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Scalar(2, TagAccuracy+"test", 93.75); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	paths := files(t, folder)
	if len(paths) != 1 || !strings.HasPrefix(filepath.Base(paths[0]), Prefix+"1700000000.") {
		t.Fatalf("files %q", paths)
	}
	got, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("wrote\n%q\nTensorBoard writes\n%q", got, want)
	}
}

// TestNames: files sort in the order in which they were made, whatever the clock says.
func TestNames(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, Prefix+"99999999999999.x"), nil, 0o666); err != nil { // nobody's time
		t.Fatal(err)
	}
	var made []string
	for _, second := range []int64{1_700_000_000, 1_700_000_000, 1_600_000_000, 1_800_000_000} {
		f, err := createFile(folder, time.Unix(second, 0))
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		made = append(made, filepath.Base(f.Name()))
	}
	if !slices.IsSorted(made) || len(slices.Compact(slices.Clone(made))) != 4 {
		t.Errorf("not in order: %q", made)
	}
}

// TestNoFolder: an event file that can't be made stops the run before its first step.
func TestNoFolder(t *testing.T) {
	b := New(filepath.Join(t.TempDir(), "gone"))
	l := loop(train.Position{}, 1, 99)
	b.Attach(&l.Hooks)
	sum, err := l.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "tensorboard: making an event file: ") || sum.Position.Steps != 0 {
		t.Errorf("%v after %d steps", err, sum.Position.Steps)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
