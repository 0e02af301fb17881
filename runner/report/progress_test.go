package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"dtl-tf/runner/train"
)

// fake is a Progress on a buffer with a clock that only the test moves.
type fake struct {
	*Progress
	out   bytes.Buffer
	at    time.Time
	width int
	looks []float64 // accuracies after the epochs, the last of which ends the run; nil without looks
}

func newFake(s style) *fake {
	f := &fake{at: time.Unix(1000, 0), width: 100}
	f.Progress = &Progress{
		screen: &Screen{w: &f.out, width: func() int { return f.width }}, style: s,
		now: func() time.Time { return f.at },
	}
	return f
}

// train runs a training loop with the given time per step and 32 images per batch.
func (f *fake) train(t *testing.T, epochs, start, steps int, each time.Duration) {
	t.Helper()
	l := train.Loop[int]{
		Epochs: epochs, From: train.Position{Epochs: start, Steps: start * steps}, StepsPerEpoch: steps,
		Batches: func(context.Context, int, int) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := range steps {
					if !yield(i, nil) {
						return
					}
				}
			}
		},
		Step: func(_ int, _ float64, step int) (float64, error) {
			f.at = f.at.Add(each)
			return 2 / float64(step), nil
		},
		Rate: func(epoch int) float64 { return 1e-3 / float64(epoch) },
		Size: func(int) int { return 32 },
		Now:  func() time.Time { return f.at },
	}
	if f.looks != nil {
		l.Look = func(_ context.Context, i train.Info) (*train.Look, bool, error) {
			return &train.Look{Epoch: i.Epoch, Top1: f.looks[i.Epoch-1]}, i.Epoch == len(f.looks), nil
		}
	}
	f.Attach(&l.Hooks)
	if _, err := l.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestProgressLog: a log has a line per epoch, and more lines in a long epoch.
func TestProgressLog(t *testing.T) {
	f := newFake(lines)
	f.train(t, 3, 0, 2, 4*time.Second)
	// Two steps of 4 s and 64 images an epoch: 8 images/s. The means are (2+1)/2,
	// (2/3+2/4)/2 and (2/5+2/6)/2.
	same(t, f.out.String(), `
epoch 1/3  loss 1.5000  lr 1.00e-03  8.00 images/s  16s left
epoch 2/3  loss 0.5833  lr 5.00e-04  8.00 images/s  8s left
epoch 3/3  loss 0.3667  lr 3.33e-04  8.00 images/s  took 24s
`)

	f = newFake(lines)
	f.train(t, 1, 0, 4, 20*time.Second)
	same(t, f.out.String(), `
epoch 1/1  step 2/4  loss 1.5000  lr 1.00e-03  1.60 images/s  40s left
epoch 1/1  step 4/4  loss 1.0417  lr 1.00e-03  1.60 images/s
epoch 1/1  loss 1.0417  lr 1.00e-03  1.60 images/s  took 1m20s
`)
}

// TestProgressLooks: the latest accuracy on the validation images is shown, and a run may end early.
func TestProgressLooks(t *testing.T) {
	f := newFake(lines)
	f.looks = []float64{25, 87.125, 80}
	f.train(t, 9, 0, 2, 4*time.Second)
	same(t, f.out.String(), `
epoch 1/9  loss 1.5000  val 25.00 %  lr 1.00e-03  8.00 images/s  1m04s left
epoch 2/9  loss 0.5833  val 87.12 %  lr 5.00e-04  8.00 images/s  56s left
epoch 3/9  loss 0.3667  val 80.00 %  lr 3.33e-04  8.00 images/s  took 24s
`)
}

// TestProgressLogFast: a log of short epochs has the first, the last and one every 5 s.
func TestProgressLogFast(t *testing.T) {
	f := newFake(lines)
	f.train(t, 110, 0, 2, 500*time.Millisecond)
	var epochs []string
	for line := range strings.Lines(f.out.String()) {
		epochs = append(epochs, strings.Fields(strings.TrimPrefix(line, "epoch"))[0])
	}
	want := []string{"1/110"}
	for e := 6; e < 110; e += 5 {
		want = append(want, fmt.Sprintf("%d/110", e))
	}
	want = append(want, "110/110")
	if fmt.Sprint(epochs) != fmt.Sprint(want) {
		t.Errorf("lines of %v, want %v", epochs, want)
	}
	if !strings.HasPrefix(f.out.String(), "epoch   1/110  ") {
		t.Errorf("epochs are not aligned: %q", f.out.String()[:20])
	}
}

func TestProgressTerminal(t *testing.T) {
	f := newFake(redrawn)
	f.train(t, 2, 0, 2, time.Second)
	// Steps 1 and 3 of 4 stand at a quarter and three quarters of a bar of 24.
	bar := func(n int) string { return strings.Repeat("━", n) + strings.Repeat("─", 24-n) }
	want := "\r" + bar(6) + " epoch 1/2  loss 2.0000  lr 1.00e-03  32.0 images/s  3s left\x1b[K" +
		"\r" + bar(12) + " epoch 1/2  loss 1.5000  lr 1.00e-03  32.0 images/s  2s left\x1b[K" +
		"\r" + bar(18) + " epoch 2/2  loss 0.6667  lr 5.00e-04  32.0 images/s  1s left\x1b[K" +
		"\r" + bar(24) + " epoch 2/2  loss 0.5833  lr 5.00e-04  32.0 images/s\x1b[K" +
		"\r" + bar(24) + " epoch 2/2  loss 0.5833  lr 5.00e-04  32.0 images/s  took 4s\x1b[K" +
		"\n"
	if f.out.String() != want {
		t.Errorf("got\n%q\nwant\n%q", f.out.String(), want)
	}
}

// TestProgressResumed: the time left comes from the pace of this run alone.
func TestProgressResumed(t *testing.T) {
	f := newFake(lines)
	f.train(t, 10, 8, 1, 10*time.Second)
	same(t, f.out.String(), `
epoch  9/10  loss 0.2222  lr 1.11e-04  3.20 images/s  10s left
epoch 10/10  loss 0.2000  lr 1.00e-04  3.20 images/s  took 20s
`)
}

// TestProgressPace: a terminal is redrawn at most ten times per second.
func TestProgressPace(t *testing.T) {
	f := newFake(redrawn)
	f.train(t, 10, 0, 1000, time.Millisecond) // 10 s
	if n := strings.Count(f.out.String(), "\r"); n < 90 || n > 102 {
		t.Errorf("%d redrawings in 10 s", n)
	}
	if !strings.HasSuffix(f.out.String(), "took 10s\x1b[K\n") {
		t.Error("the last state is not on the screen")
	}
}

// TestProgressWidth: a line never wraps.
func TestProgressWidth(t *testing.T) {
	for width := 1; width < 140; width++ {
		f := newFake(redrawn)
		f.width = width
		f.train(t, 2, 0, 2, time.Second)
		for _, line := range strings.Split(strings.TrimSuffix(f.out.String(), "\n"), "\r")[1:] {
			line = strings.TrimSuffix(line, "\x1b[K")
			if n := utf8.RuneCountInString(line); n >= width {
				t.Fatalf("a line of %d in a window of %d: %q", n, width, line)
			}
		}
	}
}

func TestProgressTask(t *testing.T) {
	f := newFake(lines)
	done := f.Task("evaluating", 300)
	for n := 0; n <= 300; n += 50 {
		done(n)
		f.at = f.at.Add(10 * time.Second)
	}
	same(t, f.out.String(), `
evaluating 150/300  5.00 images/s  30s left
evaluating 300/300  5.00 images/s
`)

	f = newFake(redrawn)
	f.width = 40
	done = f.Task("evaluating", 4)
	done(1)
	f.at = f.at.Add(time.Second)
	done(4)
	// 39 columns: texts of 14 and 29, a blank, and the rest for the bar.
	want := "\r" + strings.Repeat("━", 6) + strings.Repeat("─", 18) + " evaluating 1/4\x1b[K" +
		"\r" + strings.Repeat("━", 9) + " evaluating 4/4  4.00 images/s\x1b[K\n"
	if f.out.String() != want {
		t.Errorf("got\n%q\nwant\n%q", f.out.String(), want)
	}
	fmt.Fprint(f.screen, "next")
	if !strings.HasSuffix(f.out.String(), "\nnext") {
		t.Errorf("what follows is not on a line of its own: %q", f.out.String())
	}
}

func TestProgressQuiet(t *testing.T) {
	f := newFake(silent)
	f.train(t, 3, 0, 2, time.Minute)
	f.Task("evaluating", 1)(1)
	if f.out.Len() > 0 {
		t.Errorf("quiet prints %q", f.out.String())
	}
}

// TestNewProgress: buffers and files are not terminals.
func TestNewProgress(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, w := range []io.Writer{&bytes.Buffer{}, file} {
		if p := NewProgress(w, false); p.style != lines {
			t.Errorf("%T: style %d", w, p.style)
		}
		if p := NewProgress(w, true); p.style != silent {
			t.Errorf("%T, quiet: style %d", w, p.style)
		}
	}
}

// brokenPipe fails as stderr does under "2>&1 | head".
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestProgressBrokenPipe(t *testing.T) {
	f := newFake(lines)
	f.screen.w = brokenPipe{}
	f.train(t, 2, 0, 2, time.Second) // fails the test if the loop does
}

func TestDuration(t *testing.T) {
	for in, want := range map[time.Duration]string{
		0: "0s", 400 * time.Millisecond: "0s", 59600 * time.Millisecond: "1m00s", 7 * time.Second: "7s",
		185 * time.Second: "3m05s", 2*time.Hour + 4*time.Minute + 59*time.Second: "2h04m",
	} {
		if got := Duration(in); got != want {
			t.Errorf("%v is shown as %s, want %s", in, got, want)
		}
	}
}
