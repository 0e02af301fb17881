package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// clock is a clock that only moves when it is told to.
type clock struct{ at time.Time }

func (c *clock) now() time.Time       { return c.at }
func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

// bench is a loop over batches of ints: three an epoch, 1 s for each batch to arrive, 2 s a step.
type bench struct {
	Loop[int]
	clock clock
	log   []string
}

func newBench(epochs int) *bench {
	b := &bench{clock: clock{time.Unix(1000, 0)}}
	b.Loop = Loop[int]{
		Epochs:        epochs,
		StepsPerEpoch: 3,
		Batches: func(ctx context.Context, epoch, skip int) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := skip; i < 3; i++ {
					b.clock.pass(time.Second)
					if !yield(10*epoch+i, nil) {
						return
					}
				}
			}
		},
		Step: func(batch int, rate float64, step int) (float64, error) {
			b.clock.pass(2 * time.Second)
			b.log = append(b.log, fmt.Sprintf("step %d on %d at %g", step, batch, rate))
			return float64(batch), nil
		},
		Rate: func(epoch int) float64 { return 1 / float64(epoch) },
		Size: func(int) int { return 4 },
		Now:  b.clock.now,
	}
	note := func(what string) Hook {
		return func(i Info) error {
			b.log = append(b.log, fmt.Sprintf("%s %d/%d", what, i.Epoch, i.Step))
			return nil
		}
	}
	b.OnStart("note", note("start"))
	b.OnEpochEnd("note", note("epoch end"))
	b.OnEnd("note", note("end"))
	return b
}

func TestLoopOrder(t *testing.T) {
	b := newBench(2)
	sum, err := b.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"start 0/0",
		"step 1 on 10 at 1", "step 2 on 11 at 1", "step 3 on 12 at 1", "epoch end 1/3",
		"step 4 on 20 at 0.5", "step 5 on 21 at 0.5", "step 6 on 22 at 0.5", "epoch end 2/6",
		"end 2/6",
	}
	if !slices.Equal(b.log, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(b.log, "\n"), strings.Join(want, "\n"))
	}
	wantSum := Summary{
		Position: Position{Epochs: 2, Steps: 6}, Images: 24,
		Timing:    Timing{Steps: 1, Median: 2, Min: 2, Max: 2, P10: 2, P90: 2},
		InputWait: 6 * time.Second, Elapsed: 18 * time.Second,
	}
	if sum != wantSum {
		t.Errorf("got  %+v\nwant %+v", sum, wantSum)
	}
}

func TestLoopInfo(t *testing.T) {
	b := newBench(4)
	b.From = Position{Epochs: 1, Steps: 3}
	var infos []Info
	keep := func(i Info) error { infos = append(infos, i); return nil }
	b.OnStep("keep", keep)
	b.OnEpochEnd("keep", keep)
	if _, err := b.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	// Epoch 3 is the second of this run: its second step and its end.
	want := Info{
		Epoch: 3, Epochs: 4, Start: 1, Step: 8, StepInEpoch: 2, StepsPerEpoch: 3,
		Loss: 31, MeanLoss: 30.5, Rate: 1.0 / 3, Images: 8, TotalImages: 20,
		Elapsed: 15 * time.Second, EpochElapsed: 6 * time.Second, InputWait: 5 * time.Second,
	}
	if !reflect.DeepEqual(infos[5], want) {
		t.Errorf("step: got  %+v\nwant %+v", infos[5], want)
	}
	want.Step, want.StepInEpoch, want.Loss, want.MeanLoss, want.Images, want.TotalImages = 9, 3, 32, 31, 12, 24
	want.Elapsed, want.EpochElapsed, want.InputWait = 18*time.Second, 9*time.Second, 6*time.Second
	if !reflect.DeepEqual(infos[7], want) {
		t.Errorf("epoch end: got  %+v\nwant %+v", infos[7], want)
	}
	if got := want.ImagesPerSecond(); math.Abs(got-12.0/9) > 1e-12 {
		t.Errorf("images a second: %g", got)
	}
}

// TestLoopFrom interrupts a run after each of its steps and goes on from the position: steps, batches, rates and what the
// epochs' ends are told are those of a run in one piece.
func TestLoopFrom(t *testing.T) {
	ends := func(b *bench, to *[]Info) {
		b.OnEpochEnd("keep", func(i Info) error {
			i.TotalImages, i.Elapsed, i.InputWait, i.Start = 0, 0, 0, 0 // of this run alone
			*to = append(*to, i)
			return nil
		})
	}
	steps := func(b *bench) []string {
		return slices.DeleteFunc(b.log, func(s string) bool { return !strings.HasPrefix(s, "step") })
	}
	whole := newBench(2)
	var want []Info
	ends(whole, &want)
	if _, err := whole.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for stop := 1; stop < 6; stop++ {
		first, second := newBench(2), newBench(2)
		var got []Info
		ends(first, &got)
		ends(second, &got)
		ctx, cancel := context.WithCancel(context.Background())
		first.OnStep("stop", func(i Info) error {
			if i.Step == stop {
				cancel()
			}
			return nil
		})
		sum, err := first.Run(ctx)
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stop %d: %v", stop, err)
		}
		in := stop % 3
		at := Position{
			Epochs: stop / 3, Steps: stop, StepInEpoch: in, Images: 4 * in, Elapsed: time.Duration(3*in) * time.Second,
			LossSum: [][]float64{{0, 10, 21}, {0, 20, 41}}[stop/3][in],
		}
		if sum.Position != at {
			t.Errorf("stop %d: position %+v, want %+v", stop, sum.Position, at)
		}
		second.From = sum.Position
		if _, err := second.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if a, b := append(steps(first), steps(second)...), steps(whole); !slices.Equal(a, b) {
			t.Errorf("stop %d: the steps are %v, want %v", stop, a, b)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("stop %d: ends of epochs\n%+v, want\n%+v", stop, got, want)
		}
	}
}

// TestLoopFromEnd: an interruption just after the last batch of an epoch whose length was not known leaves nothing to do
// but its end; one after the last epoch nothing at all.
func TestLoopFromEnd(t *testing.T) {
	for _, from := range []Position{{Epochs: 1, Steps: 6, StepInEpoch: 3, LossSum: 63}, {Epochs: 2, Steps: 6}} {
		b := newBench(2)
		b.From = from
		sum, err := b.Run(context.Background())
		if err != nil || sum.Position != (Position{Epochs: 2, Steps: 6}) || sum.Images != 0 {
			t.Errorf("from %+v: %+v, %v", from, sum, err)
		}
	}
}
