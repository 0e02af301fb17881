package report

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"dtl-tf/runner/train"
)

const (
	// redrawEvery keeps a fast loop from spending its time on the terminal.
	redrawEvery = 100 * time.Millisecond
	// lineEvery is the least time between two lines of a log, and longLine the most that
	// passes without one in a long epoch.
	lineEvery = 5 * time.Second
	longLine  = 30 * time.Second

	barWidth    = 24 // at most
	barLeast    = 6  // a shorter one is left out
	usualWidth  = 80 // where the terminal does not tell
	doneSymbol  = "━"
	aheadSymbol = "─"
)

// Progress shows how far a run is: one line that is redrawn on a terminal, plain lines in a log.
// It never fails: a closed pipe must not stop a training run. It is for one goroutine at a time; others may write to its
// screen meanwhile.
type Progress struct {
	screen *Screen
	style  style
	now    func() time.Time

	last     time.Time // of the last redrawing or line
	reported int       // the last epoch that has a line in the log
}

type style int

const (
	silent style = iota
	lines
	redrawn
)

// NewProgress shows progress on w, usually the Screen of the command. It redraws one line if w is a terminal that
// can do it, writes plain lines if not, and nothing if quiet.
func NewProgress(w io.Writer, quiet bool) *Progress {
	p := &Progress{screen: NewScreen(w), style: lines, now: time.Now}
	switch {
	case quiet:
		p.style = silent
	case p.screen.width != nil:
		p.style = redrawn
	}
	return p
}

// Attach makes the progress follow a training loop.
func (p *Progress) Attach(h *train.Hooks) {
	h.OnStart("progress", func(train.Info) error { p.last = p.now(); return nil })
	h.OnStep("progress", func(i train.Info) error { p.step(i); return nil })
	h.OnEpochEnd("progress", func(i train.Info) error { p.epochEnd(i); return nil })
	h.OnEnd("progress", func(train.Info) error { p.Break(); return nil })
}

// Task shows a count towards total, such as the images of an evaluation. Call the result with
// the count so far; total itself ends the line, and where it is not reached Break does. The label
// says what is done: "evaluating".
func (p *Progress) Task(label string, total int) func(done int) {
	begun := p.now()
	p.last = begun
	return func(done int) {
		spent := p.now().Sub(begun)
		last := done >= total
		if !last && !p.due(longLine) {
			return
		}
		text := fmt.Sprintf("%s %d/%d", label, done, total)
		if spent > 0 {
			text += fmt.Sprintf("  %s images/s", Significant(float64(done)/spent.Seconds()))
		}
		if !last && done > 0 && spent > 0 {
			text += "  " + duration(time.Duration(float64(spent)*float64(total-done)/float64(done))) + " left"
		}
		p.show(text, float64(done)/float64(max(total, 1)))
		if last {
			p.Break()
		}
	}
}

// Break ends a redrawn line, so that what is printed next starts on a line of its own.
func (p *Progress) Break() { p.screen.end() }

func (p *Progress) step(i train.Info) {
	if p.due(longLine) {
		p.show(p.describe(i, false), fraction(i, false))
	}
}

func (p *Progress) epochEnd(i train.Info) {
	first, last := p.reported == 0, i.Epoch == i.Epochs
	if p.style == lines && !first && !last && p.now().Sub(p.last) < lineEvery {
		return
	}
	// Only the last state is drawn whatever the time: it stays on the screen.
	if p.style == redrawn && !last && !p.due(0) {
		return
	}
	p.reported = i.Epoch
	p.show(p.describe(i, true), fraction(i, true))
}

// due reports whether it is time to show something again; pause holds for a log.
func (p *Progress) due(pause time.Duration) bool {
	if p.style == redrawn {
		return !p.screen.drawn() || p.now().Sub(p.last) >= redrawEvery
	}
	return p.now().Sub(p.last) >= pause
}

// show puts a text and a bar on the terminal, or the text in the log.
func (p *Progress) show(text string, part float64) {
	if p.style == silent {
		return
	}
	p.last = p.now()
	if p.style == lines {
		fmt.Fprintln(p.screen, text)
		return
	}
	room := p.screen.width() - 1 // the last column would wrap on some terminals
	n := min(barWidth, room-utf8.RuneCountInString(text)-1)
	if n >= barLeast {
		done := min(n, max(0, int(part*float64(n))))
		text = strings.Repeat(doneSymbol, done) + strings.Repeat(aheadSymbol, n-done) + " " + text
	}
	if r := []rune(text); len(r) > room {
		text = string(r[:max(room, 0)])
	}
	p.screen.draw(text)
}

// describe is the state of a run in one line, the most important first: the end is cut off in a
// narrow window. Complete says that the epoch is.
func (p *Progress) describe(i train.Info, complete bool) string {
	parts := []string{fmt.Sprintf("epoch %*d/%d", len(fmt.Sprint(i.Epochs)), i.Epoch, i.Epochs)}
	if !complete && p.style == lines { // on a terminal the bar moves, and needs the room
		at := fmt.Sprintf("step %d", i.StepInEpoch)
		if i.StepsPerEpoch > 0 {
			at += fmt.Sprintf("/%d", i.StepsPerEpoch)
		}
		parts = append(parts, at)
	}
	parts = append(parts, fmt.Sprintf("loss %.4f", i.MeanLoss), fmt.Sprintf("lr %.2e", i.Rate))
	if r := i.ImagesPerSecond(); r > 0 {
		parts = append(parts, Significant(r)+" images/s")
	}
	part, resumed := fraction(i, complete), float64(i.Start)/float64(max(i.Epochs, 1))
	switch {
	case complete && i.Epoch == i.Epochs:
		parts = append(parts, "took "+duration(i.Elapsed))
	case part < 1 && part > resumed && i.Elapsed > 0:
		// The pace of this run, over the part of it that is left.
		left := float64(i.Elapsed) * (1 - part) / (part - resumed)
		parts = append(parts, duration(time.Duration(left))+" left")
	}
	return strings.Join(parts, "  ")
}

// fraction is the part of all epochs that is done, resumed ones included. Where the number of
// steps is not known, an epoch counts when it is complete.
func fraction(i train.Info, complete bool) float64 {
	if i.Epochs <= 0 || i.Epoch <= 0 {
		return 0
	}
	within := 0.0
	switch {
	case complete:
		within = 1
	case i.StepsPerEpoch > 0:
		within = min(1, float64(i.StepInEpoch)/float64(i.StepsPerEpoch))
	}
	return (float64(i.Epoch-1) + within) / float64(i.Epochs)
}

// duration shows a time as 7s, 3m05s or 2h04m.
func duration(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
}
