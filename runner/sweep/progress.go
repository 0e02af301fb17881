package sweep

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"dtl-tf/runner/internal/stat"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// progress shows the progress of the sweep: a line for each cell that ends, and in between one line that a terminal redraws and a
// log repeats every logEvery.
type progress struct {
	line *report.Progress
	err  io.Writer

	total, finished, failed int // numbers of cells of this shard
	left                    []Job
	current                 int                // number of cells that train together, the first of left
	started                 time.Time          // of the current cells
	spent                   map[string][]spent // by finished cells of each method
	noted                   map[string]bool    // notes that have been printed
}

const logEvery = 2 * time.Minute

func newProgress(err io.Writer, quiet bool) *progress {
	return &progress{line: report.NewProgress(err, quiet), err: err, spent: map[string][]spent{}, noted: map[string]bool{}}
}

// note prints a line unless the sweep is quiet.
func (p *progress) note(format string, args ...any) { p.line.Line(fmt.Sprintf(format, args...)) }

// noteOnce prints a line the first time only.
func (p *progress) noteOnce(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !p.noted[text] {
		p.noted[text] = true
		p.line.Line(text)
	}
}

// warn prints a line even if the sweep is quiet.
func (p *progress) warn(format string, args ...any) {
	p.line.Break()
	fmt.Fprintf(p.err, format+"\n", args...)
}

// spent is the time in seconds that a cell took to train, and that it took besides.
type spent struct {
	images        int // for training, 0 if unknown
	train, others float64
}

// count counts a cell that has ended, and its time.
func (p *progress) count(j Job, o *Outcome) {
	if o.Status != result.Finished {
		p.failed++
		return
	}
	p.finished++
	m, share := o.Run.Measurements, 1/float64(max(o.Run.Together, 1))
	p.spent[j.Method] = append(p.spent[j.Method], spent{j.Images, share * m.TrainSeconds, share * (m.EvaluationSeconds + m.ValidationSeconds)})
}

// ended prints the outcome of a cell, and its notes unless another cell of the data set has had the same. by names the
// process that ran it.
func (p *progress) ended(j Job, o *Outcome, by string) {
	if o.Run != nil {
		for _, text := range o.Run.Notes {
			p.noteOnce("%s: %s", j.Set, text)
		}
	}
	outcome := "failed: " + o.Error
	if o.Status == result.Finished {
		outcome = "no test images"
		if a := o.Run.Accuracy; a != nil {
			outcome = fmt.Sprintf("%.2f %%", a.Top1)
		} else if len(o.Run.Targets) > 0 {
			outcome = "trained"
		}
		for _, t := range o.Run.Targets {
			outcome += fmt.Sprintf(", %s %.2f %%", t.Name, t.Top1)
		}
		outcome += " in " + report.Duration(o.Ended.Sub(o.Started))
		if n := o.Run.Together; n > 1 {
			outcome += fmt.Sprintf(", %d cells together", n)
		}
	}
	text := fmt.Sprintf("%s: %s%s; %s", j.Name, outcome, by, p.counts())
	if left, ok := p.timeLeft(0); ok {
		text += ", " + left + " left"
	}
	p.line.Line(text)
}

func (p *progress) counts() string {
	text := fmt.Sprintf("cells %d/%d done", p.finished, p.total)
	if p.failed > 0 {
		text += fmt.Sprintf(", %d failed", p.failed)
	}
	return text
}

// follow shows the epochs of a cell, or of several that train together, as a part of the sweep.
func (p *progress) follow(h *train.Hooks, j Job, cells int) {
	p.started, p.current = time.Now(), cells
	h.OnStep("progress of the sweep", func(i train.Info) error {
		done := 0.0
		if i.Epochs > i.Start {
			ofEpoch := float64(i.StepInEpoch) / float64(max(i.StepsPerEpoch, i.StepInEpoch, 1))
			done = (float64(max(i.Epoch-1-i.Start, 0)) + ofEpoch) / float64(i.Epochs-i.Start)
		}
		p.line.Say(logEvery, p.fraction(done), func() string {
			text := fmt.Sprintf("%s  %s epoch %d/%d loss %.4f", p.counts(), j.Name, i.Epoch, i.Epochs, i.MeanLoss)
			if left, ok := p.timeLeft(done); ok {
				text += "  " + left + " left"
			}
			return text
		})
		return nil
	})
	h.OnEnd("progress of the sweep", func(i train.Info) error {
		if i.Err == nil {
			p.line.Say(0, p.fraction(1), func() string { return p.counts() + "  " + j.Name + " evaluating" })
		}
		return nil
	})
}

// fraction returns the fraction of the sweep that is done, given that of the current cells.
func (p *progress) fraction(done float64) float64 {
	return (float64(p.finished+p.failed) + done*float64(max(p.current, 1))) / float64(max(p.total, 1))
}

// waiting shows that other processes run all remaining cells.
func (p *progress) waiting(cells int, holder owner) {
	p.line.Say(logEvery, p.fraction(0), func() string {
		return fmt.Sprintf("%s  waiting for %d that other processes run (%s)", p.counts(), cells, holder)
	})
}

// timeLeft estimates the remaining time from the finished cells of each method, or of all methods for one that has none yet. done
// is the fraction of the current cells, which is the only measure before a cell has finished. ok is false if there is no estimate.
func (p *progress) timeLeft(done float64) (text string, ok bool) {
	if len(p.left) == 0 {
		return "", false
	}
	all := slices.Concat(slices.Collect(maps.Values(p.spent))...)
	if len(all) == 0 {
		if done < 0.01 {
			return "", false
		}
		all = []spent{{p.left[0].Images, time.Since(p.started).Seconds() / done / float64(max(p.current, 1)), 0}}
	}
	mean := func(j Job) float64 {
		if own := p.spent[j.Method]; len(own) > 0 {
			return expected(j.Images, own)
		}
		return expected(j.Images, all)
	}
	seconds := -done * float64(max(p.current, 1)) * mean(p.left[0])
	for _, j := range p.left {
		seconds += mean(j)
	}
	return report.Duration(time.Duration(seconds * float64(time.Second))), true
}

// expected is the mean time of a cell with a number of training images, from cells with the same number or else from all, whose
// training takes time in proportion.
func expected(images int, cells []spent) float64 {
	same := slices.DeleteFunc(slices.Clone(cells), func(s spent) bool { return s.images != images })
	if len(same) == 0 {
		same = cells
	}
	var seconds []float64
	for _, s := range same {
		scale := 1.0
		if images > 0 && s.images > 0 {
			scale = float64(images) / float64(s.images)
		}
		seconds = append(seconds, scale*s.train+s.others)
	}
	return stat.Mean(seconds)
}
