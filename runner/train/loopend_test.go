package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"testing"
)

// TestLoopInterrupted cancels at every step of a run of two epochs. Whatever the step, it is
// finished, an epoch that was cut off has no end, and OnEnd knows why.
func TestLoopInterrupted(t *testing.T) {
	for stop := 1; stop <= 6; stop++ {
		b := newBench(2)
		ctx, cancel := context.WithCancel(context.Background())
		inner := b.Step
		b.Step = func(batch int, rate float64, step int) (float64, error) {
			if step == stop {
				cancel()
			}
			return inner(batch, rate, step)
		}
		var told error
		b.OnEnd("told", func(i Info) error { told = i.Err; return nil })
		sum, err := b.Run(ctx)
		if sum.Position.Steps != stop {
			t.Errorf("stop %d: %d steps were done", stop, sum.Position.Steps)
		}
		if sum.Position.Epochs != stop/3 {
			t.Errorf("stop %d: %d epochs are complete, want %d", stop, sum.Position.Epochs, stop/3)
		}
		if b.log[len(b.log)-1][:3] != "end" {
			t.Errorf("stop %d: the last hook was %q", stop, b.log[len(b.log)-1])
		}
		if stop == 6 { // nothing was left to do
			if err != nil {
				t.Errorf("stop 6: %v", err)
			}
			continue
		}
		var inter *InterruptedError
		if !errors.Is(err, context.Canceled) || !errors.As(err, &inter) || inter.Step != stop {
			t.Errorf("stop %d: error %v", stop, err)
		}
		if told != err {
			t.Errorf("stop %d: OnEnd was told %v", stop, told)
		}
	}
}

// TestLoopLoaderStops: the loader sees the cancellation first, and either says so or just ends.
func TestLoopLoaderStops(t *testing.T) {
	for _, says := range []error{nil, fmt.Errorf("loader: %w", context.Canceled)} {
		b := newBench(2)
		ctx, cancel := context.WithCancel(context.Background())
		b.Batches = func(ctx context.Context, epoch, skip int) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				if yield(1, nil) {
					cancel()
					if says != nil {
						yield(0, says)
					}
				}
			}
		}
		sum, err := b.Run(ctx)
		var inter *InterruptedError
		if !errors.As(err, &inter) || sum.Position.Epochs != 0 || sum.Position.Steps != 1 {
			t.Errorf("loader says %v: %+v, error %v", says, sum, err)
		}
	}
}

func TestLoopDiverged(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		b := newBench(3)
		b.Step = func(batch int, rate float64, step int) (float64, error) {
			if step == 5 {
				return bad, nil
			}
			return 0.5, nil
		}
		sum, err := b.Run(context.Background())
		var div *DivergedError
		if !errors.As(err, &div) || div.Epoch != 2 || div.Step != 5 || div.Rate != 0.5 {
			t.Fatalf("error %v", err)
		}
		for _, word := range []string{"epoch 2", "step 5", "learning rate 0.5"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q does not say %q", err, word)
			}
		}
		if sum.Position.Steps != 4 || sum.Position.Epochs != 1 {
			t.Errorf("summary %+v", sum)
		}
	}
}

func TestLoopErrors(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		spoil func(*bench)
		want  []string
	}{
		"batch": {func(b *bench) {
			b.Batches = func(context.Context, int, int) iter.Seq2[int, error] {
				return func(yield func(int, error) bool) { _ = yield(1, nil) && yield(0, broken) }
			}
		}, []string{"epoch 1, batch 2"}},
		"step": {func(b *bench) {
			b.Step = func(_ int, _ float64, step int) (float64, error) {
				if step == 4 {
					return 0, broken
				}
				return 1, nil
			}
		}, []string{"epoch 2, step 4"}},
		"start hook": {func(b *bench) { b.OnStart("bar", func(Info) error { return broken }) }, []string{"bar"}},
		"step hook":  {func(b *bench) { b.OnStep("bar", func(Info) error { return broken }) }, []string{"step 1", "bar"}},
		"epoch hook": {func(b *bench) { b.OnEpochEnd("csv", func(Info) error { return broken }) }, []string{"epoch 1", "csv"}},
		"end hook":   {func(b *bench) { b.OnEnd("file", func(Info) error { return broken }) }, []string{"file"}},
		"both": {func(b *bench) {
			b.Step = func(int, float64, int) (float64, error) { return 0, broken }
			b.OnEnd("file", func(Info) error { return errors.New("full") })
		}, []string{"step 1", "file: full"}},
	} {
		b := newBench(2)
		ended := false
		c.spoil(b)
		b.OnEnd("last", func(Info) error { ended = true; return nil })
		_, err := b.Run(context.Background())
		if !errors.Is(err, broken) {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		for _, word := range c.want {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", name, err, word)
			}
		}
		if !ended {
			t.Errorf("%s: a later OnEnd hook was not called", name)
		}
	}
}

func TestLoopEmptyEpoch(t *testing.T) {
	b := newBench(2)
	b.Batches = func(context.Context, int, int) iter.Seq2[int, error] { return func(func(int, error) bool) {} }
	if _, err := b.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "batch size") {
		t.Errorf("error %v", err)
	}
}
