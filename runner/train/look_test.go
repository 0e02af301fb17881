package train

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// looking adds a Look to a bench that takes 5 s and has the epoch's number as its accuracy, after the even epochs. The run ends after
// epoch last.
func looking(b *bench, last int) {
	b.Look = func(ctx context.Context, i Info) (*Look, bool, error) {
		b.clock.pass(5 * time.Second)
		b.log = append(b.log, fmt.Sprintf("look %d/%d", i.Epoch, i.Step))
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		if i.Epoch%2 != 0 {
			return nil, false, nil
		}
		return &Look{Epoch: i.Epoch, Top1: float64(i.Epoch)}, i.Epoch == last, nil
	}
}

// TestLook: it comes before the hooks at the end of an epoch, which get the latest, and it ends the run.
func TestLook(t *testing.T) {
	b := newBench(9)
	looking(b, 4)
	var ends []string
	b.OnEpochEnd("ends", func(i Info) error {
		epoch := 0
		if i.Look != nil {
			epoch = i.Look.Epoch
		}
		ends = append(ends, fmt.Sprintf("epoch %d, look %d, last %v, took %v of %v", i.Epoch, epoch, i.Last, i.EpochElapsed, i.Elapsed))
		return nil
	})
	sum, err := b.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"epoch 1, look 0, last false, took 9s of 14s", "epoch 2, look 2, last false, took 9s of 28s",
		"epoch 3, look 2, last false, took 9s of 42s", "epoch 4, look 4, last true, took 9s of 56s",
	}
	if !slices.Equal(ends, want) {
		t.Errorf("got %q, want %q", ends, want)
	}
	if at := slices.Index(b.log, "look 2/6"); at < 0 || b.log[at+1] != "epoch end 2/6" || b.log[at-1][:4] != "step" {
		t.Errorf("the order: %q", b.log)
	}
	if want := (Position{Epochs: 4, Steps: 12}); sum.Position != want {
		t.Errorf("it ended at %+v", sum.Position)
	}
	b = newBench(2)
	looking(b, 0)
	b.OnEpochEnd("last", func(i Info) error {
		if i.Last != (i.Epoch == 2) {
			t.Errorf("epoch %d of 2 is the last: %v", i.Epoch, i.Last)
		}
		return nil
	})
	if _, err := b.Run(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestLookInterrupted: an epoch whose look was interrupted has not ended. A run from there looks again, without a step.
func TestLookInterrupted(t *testing.T) {
	b := newBench(2)
	looking(b, 0)
	ctx, cancel := context.WithCancel(context.Background())
	b.OnStep("stop", func(i Info) error {
		if i.Step == 6 {
			cancel()
		}
		return nil
	})
	sum, err := b.Run(ctx)
	var inter *InterruptedError
	if !errors.As(err, &inter) || inter.Step != 6 || slices.Contains(b.log, "epoch end 2/6") {
		t.Errorf("%v after %q", err, b.log)
	}
	want := Position{Epochs: 1, Steps: 6, StepInEpoch: 3, LossSum: 63, Images: 12, Elapsed: 14 * time.Second}
	if sum.Position != want {
		t.Errorf("it stopped at %+v, want %+v", sum.Position, want)
	}
	rest := newBench(2)
	looking(rest, 0)
	rest.From = sum.Position
	rest.OnEpochEnd("mean", func(i Info) error {
		if i.MeanLoss != 21 || i.Images != 12 || i.Look.Epoch != 2 {
			t.Errorf("the end of the epoch is told %+v", i)
		}
		return nil
	})
	if _, err := rest.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"start 1/6", "look 2/6", "epoch end 2/6", "end 2/6"}; !slices.Equal(rest.log, want) {
		t.Errorf("the rest: %q, want %q", rest.log, want)
	}
}

// TestLookFails: the error of a look says where.
func TestLookFails(t *testing.T) {
	b := newBench(2)
	broken := errors.New("no such image")
	b.Look = func(context.Context, Info) (*Look, bool, error) { return nil, false, broken }
	if _, err := b.Run(context.Background()); !errors.Is(err, broken) || err.Error() != "looking at the validation images after epoch 1: no such image" {
		t.Errorf("got %v", err)
	}
}
