package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"dtl-tf/runner/train"
)

const (
	redrawEvery = 100 * time.Millisecond // on a terminal

	lineEvery    = 5 * time.Second  // at least, between two lines of a log
	maxLinePause = 30 * time.Second // within a long epoch

	maxBar       = 24
	minBar       = 6
	defaultWidth = 80 // of a terminal that does not report its width

	doneSymbol  = "━"
	aheadSymbol = "─"
)

// Progress shows how far a run is: in one line that is redrawn on a terminal, or in the lines of a log. It never fails, because a
// closed pipe must not stop training. Only one goroutine at a time may use it; others may write to its screen meanwhile.
type Progress struct {
	screen *Screen
	style  style
	now    func() time.Time

	last     time.Time // of the last output
	reported int       // the last epoch shown
}

type style int

const (
	silent style = iota
	lines
	redrawn
)

// NewProgress returns a Progress that writes to w, usually the Screen of the command: it redraws a line on a terminal, writes
// lines anywhere else, and writes nothing if quiet.
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

// Attach makes p follow a training loop.
func (p *Progress) Attach(h *train.Hooks) {
	h.OnStart("progress", func(train.Info) error { p.last = p.now(); return nil })
	h.OnStep("progress", func(i train.Info) error {
		if p.due(maxLinePause) {
			p.show(p.describe(i, false), fraction(i, false))
		}
		return nil
	})
	h.OnEpochEnd("progress", func(i train.Info) error { p.epochEnd(i); return nil })
	h.OnEnd("progress", func(train.Info) error { p.Break(); return nil })
}

// Task shows a count towards total, such as the images of an evaluation, after a label such as "evaluating". Call the result with
// the count so far. The line ends at total; call Break if that is not reached.
func (p *Progress) Task(label string, total int) func(done int) {
	begun := p.now()
	p.last = begun
	return func(done int) {
		spent := p.now().Sub(begun)
		last := done >= total
		if !last && !p.due(maxLinePause) {
			return
		}
		text := fmt.Sprintf("%s %d/%d", label, done, total)
		if spent > 0 {
			text += fmt.Sprintf("  %s images/s", Significant(float64(done)/spent.Seconds()))
		}
		text += left(spent, float64(done), float64(total-done))
		p.show(text, float64(done)/float64(max(total, 1)))
		if last {
			p.Break()
		}
	}
}

// Download shows the bytes of a download towards total, of which begun were there before. Call the result with the name of the
// current file and the bytes so far. Break ends the line.
func (p *Progress) Download(begun, total int64) func(file string, done int64) {
	start := p.now()
	p.last = start
	return func(file string, done int64) {
		if p.style == silent || done < total && !p.due(maxLinePause) {
			return
		}
		spent := p.now().Sub(start)
		text := fmt.Sprintf("%s  %s of %s", file, Bytes(done), Bytes(total))
		if spent > 0 && done > begun {
			text += fmt.Sprintf("  %s/s", Bytes(int64(float64(done-begun)/spent.Seconds())))
		}
		text += left(spent, float64(done-begun), float64(total-done))
		p.show(text, float64(done)/float64(max(total, 1)))
	}
}

// Work shows the progress of a number of jobs of equal size, each of a number of steps, with the time left. Call the result with
// the number of jobs done, the steps done of the current one and its description. Break ends the line.
func (p *Progress) Work(jobs, steps int) func(done, step int, what string) {
	begun := p.now()
	p.last = begun.Add(-lineEvery) // a log names the first job at once
	shown := -1
	return func(done, step int, what string) {
		if p.style == lines && done == shown && !p.due(maxLinePause) {
			return
		}
		if p.style == redrawn && done < jobs && !p.due(0) {
			return
		}
		shown = done
		part := (float64(done) + float64(step)/float64(max(steps, 1))) / float64(max(jobs, 1))
		p.show(fmt.Sprintf("%d/%d  %s", done, jobs, what)+left(p.now().Sub(begun), part, 1-part), part)
	}
}

// Say shows a text, and on a terminal a bar of the part that is done, if that is due: on a terminal soon, in a log after the
// pause, and always if pause is zero. It calls text only then.
func (p *Progress) Say(pause time.Duration, part float64, text func() string) {
	if p.style != silent && (pause == 0 || p.due(pause)) {
		p.show(text(), part)
	}
}

// Line writes a line that stays, in place of a redrawn one.
func (p *Progress) Line(text string) {
	if p.style != silent {
		p.screen.replace(text + "\n")
	}
}

// Break ends a redrawn line, so that the next output starts on a new line.
func (p *Progress) Break() { p.screen.end() }

func (p *Progress) epochEnd(i train.Info) {
	first, last := p.reported == 0, i.Last
	if p.style == lines && !first && !last && p.now().Sub(p.last) < lineEvery {
		return
	}
	// The last state is always drawn, because it stays on the screen.
	if p.style == redrawn && !last && !p.due(0) {
		return
	}
	p.reported = i.Epoch
	p.show(p.describe(i, true), fraction(i, true))
}

// due reports whether it is time for the next output: on a terminal soon, in a log after the pause.
func (p *Progress) due(pause time.Duration) bool {
	if p.style == redrawn {
		return !p.screen.drawn() || p.now().Sub(p.last) >= redrawEvery
	}
	return p.now().Sub(p.last) >= pause
}

// show draws a bar and a text on the terminal, or writes the text as a line.
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
	n := min(maxBar, room-utf8.RuneCountInString(text)-1)
	if n >= minBar {
		done := min(n, max(0, int(part*float64(n))))
		text = strings.Repeat(doneSymbol, done) + strings.Repeat(aheadSymbol, n-done) + " " + text
	}
	if r := []rune(text); len(r) > room {
		text = string(r[:max(room, 0)])
	}
	p.screen.draw(text)
}

// describe returns the state of a run in one line, the most important first because a narrow window cuts the end off. complete
// says that the epoch is.
func (p *Progress) describe(i train.Info, complete bool) string {
	text := fmt.Sprintf("epoch %*d/%d", len(strconv.Itoa(i.Epochs)), i.Epoch, i.Epochs)
	if !complete && p.style == lines { // a bar shows the steps
		text += fmt.Sprintf("  step %d", i.StepInEpoch)
		if i.StepsPerEpoch > 0 {
			text += fmt.Sprintf("/%d", i.StepsPerEpoch)
		}
	}
	text += fmt.Sprintf("  loss %.4f", i.MeanLoss)
	if i.Look != nil {
		measure := "val"
		if i.Look.MAP != nil {
			measure = "val mAP"
		}
		text += fmt.Sprintf("  %s %.2f %%", measure, i.Look.Score())
	}
	text += fmt.Sprintf("  lr %.2e", i.Rate)
	if r := i.ImagesPerSecond(); r > 0 {
		text += "  " + Significant(r) + " images/s"
	}
	if complete && i.Last {
		return text + "  took " + Duration(i.Elapsed)
	}
	// The pace is that of this run, without the epochs before a resume.
	part, resumed := fraction(i, complete), float64(i.Start)/float64(max(i.Epochs, 1))
	return text + left(i.Elapsed, part-resumed, 1-part)
}

// left returns the time left for the work ahead, given the time spent on the work done, or nothing if that is unknown.
func left(spent time.Duration, done, ahead float64) string {
	if spent <= 0 || done <= 0 || ahead <= 0 {
		return ""
	}
	return "  " + Duration(time.Duration(float64(spent)*ahead/done)) + " left"
}

// fraction returns the part of all epochs that is done, including those before a resume. If the number of steps is unknown, an
// epoch counts when it is complete.
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

// Duration formats a time as 7s, 3m05s or 2h04m.
func Duration(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
}
