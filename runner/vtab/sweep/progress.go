package sweep

import (
	"fmt"
	"io"
	"strings"
	"time"

	"dtl-tf/runner/internal/stat"

	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
	"dtl-tf/runner/vtab"
)

// progress tells how far the whole sweep is: a line for each cell that ends, and between them one line that is redrawn on a
// terminal or repeated now and then in a log.
type progress struct {
	line  *report.Progress
	quiet bool
	err   io.Writer

	total, done, failed int // cells of this shard; done are the finished ones
	left                []job
	begun               time.Time // of the cell under way
	seconds             map[string][]float64
	told                map[string]bool // notes of cells
}

// logEvery keeps the log of a sweep of days readable.
const logEvery = 2 * time.Minute

func newProgress(err io.Writer, quiet bool) *progress {
	return &progress{line: report.NewProgress(err, quiet), quiet: quiet, err: err, seconds: map[string][]float64{}, told: map[string]bool{}}
}

// note says something that is not needed, warn something that is.
func (p *progress) note(format string, args ...any) { p.line.Line(fmt.Sprintf(format, args...)) }

func (p *progress) warn(format string, args ...any) {
	p.line.Break()
	fmt.Fprintf(p.err, format+"\n", args...)
}

// count takes the result of a cell into account.
func (p *progress) count(c vtab.Cell) {
	if c.Status != result.Finished {
		p.failed++
		return
	}
	p.done++
	m := c.Run.Measurements
	p.seconds[c.Method] = append(p.seconds[c.Method], m.TrainSeconds+m.EvaluationSeconds)
}

// ended tells how a cell came out, and once for each task what is to be known of its data.
func (p *progress) ended(j job, c vtab.Cell, by string) {
	if c.Run != nil {
		for _, text := range c.Run.Notes {
			if text = j.task.Folder + ": " + text; !p.told[text] {
				p.told[text] = true
				p.line.Line(text)
			}
		}
	}
	outcome := "failed: " + c.Error
	if c.Status == result.Finished {
		outcome = "no test images"
		if a := c.Run.Accuracy; a != nil {
			outcome = fmt.Sprintf("%.2f %%", a.Top1)
		}
		outcome += " in " + report.Duration(c.Ended.Sub(c.Started))
	}
	text := fmt.Sprintf("%s: %s%s", j.name(), outcome, by)
	if left, ok := p.timeLeft(0); ok {
		text += "; " + p.counts() + ", " + left + " left"
	} else {
		text += "; " + p.counts()
	}
	p.line.Line(text)
}

func (p *progress) counts() string {
	text := fmt.Sprintf("cells %d/%d done", p.done, p.total)
	if p.failed > 0 {
		text += fmt.Sprintf(", %d failed", p.failed)
	}
	return text
}

// follow shows the epochs of a cell within the whole.
func (p *progress) follow(h *train.Hooks, j job) {
	p.begun = time.Now()
	show := func(i train.Info) error {
		part := 0.0
		if i.Epochs > i.Start {
			within := float64(i.StepInEpoch) / float64(max(i.StepsPerEpoch, i.StepInEpoch, 1))
			part = (float64(max(i.Epoch-1-i.Start, 0)) + within) / float64(i.Epochs-i.Start)
		}
		p.line.Say(logEvery, p.part(part), func() string {
			parts := []string{p.counts(), fmt.Sprintf("%s epoch %d/%d loss %.4f", j.name(), i.Epoch, i.Epochs, i.MeanLoss)}
			if left, ok := p.timeLeft(part); ok {
				parts = append(parts, left+" left")
			}
			return strings.Join(parts, "  ")
		})
		return nil
	}
	h.OnStep("progress of the sweep", show)
	h.OnEnd("progress of the sweep", func(i train.Info) error {
		if i.Err == nil {
			p.line.Say(0, p.part(1), func() string { return p.counts() + "  " + j.name() + " evaluating" })
		}
		return nil
	})
}

// part is how much of the sweep is done, with a part of the cell under way.
func (p *progress) part(cell float64) float64 {
	return (float64(p.done+p.failed) + cell) / float64(max(p.total, 1))
}

// waiting says that all cells that are left are in other hands.
func (p *progress) waiting(cells int, holder owner) {
	p.line.Say(logEvery, p.part(0), func() string {
		return fmt.Sprintf("%s  waiting for %d that others run (%s)", p.counts(), cells, holder)
	})
}

// timeLeft estimates the rest from the cells that are done: by method where one of it is, else by all of them. Part is how
// much of the cell under way, the first of those left, is done; without any finished cell it is the only measure.
func (p *progress) timeLeft(part float64) (string, bool) {
	if len(p.left) == 0 {
		return "", false
	}
	var all []float64
	for _, s := range p.seconds {
		all = append(all, s...)
	}
	running := time.Since(p.begun).Seconds()
	if len(all) == 0 {
		if part < 0.01 {
			return "", false
		}
		all = []float64{running / part}
	}
	seconds := 0.0
	for _, j := range p.left {
		of := p.seconds[j.method]
		if len(of) == 0 {
			of = all
		}
		seconds += stat.Mean(of)
	}
	if part > 0 {
		first := p.seconds[p.left[0].method]
		if len(first) == 0 {
			first = all
		}
		seconds -= part * stat.Mean(first)
	}
	return report.Duration(time.Duration(seconds * float64(time.Second))), true
}
