package report

import "time"

// Say shows a text, and on a terminal how much of the work is done, if it is time to show something again: on a terminal in
// a moment, in a log after the pause. Without a pause it is always time. Text is only asked for then.
func (p *Progress) Say(pause time.Duration, part float64, text func() string) {
	if p.style != silent && (pause == 0 || p.due(pause)) {
		p.show(text(), part)
	}
}

// Line leaves a line that stays, whatever is drawn.
func (p *Progress) Line(text string) {
	if p.style == silent {
		return
	}
	p.screen.replace(text + "\n")
}

// Duration shows a time as 7s, 3m05s or 2h04m.
var Duration = duration
