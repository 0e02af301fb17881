package report

import (
	"fmt"
	"time"
)

// Work shows how far several jobs of equal size are, each of so many steps, with the time that is left. Call the
// result with the jobs that are done, the steps of the one under way and what that is. Break ends the line.
func (p *Progress) Work(jobs, steps int) func(done, step int, what string) {
	begun := p.now()
	p.last = begun.Add(-lineEvery) // a log names the first job at once
	shown := -1
	return func(done, step int, what string) {
		if p.style == lines && done == shown && !p.due(longLine) {
			return
		}
		if p.style == redrawn && done < jobs && !p.due(0) {
			return
		}
		shown = done
		part := (float64(done) + float64(step)/float64(max(steps, 1))) / float64(max(jobs, 1))
		text := fmt.Sprintf("%d/%d  %s", done, jobs, what)
		if spent := p.now().Sub(begun); part > 0 && part < 1 && spent > 0 {
			text += "  " + duration(time.Duration(float64(spent)*(1-part)/part)) + " left"
		}
		p.show(text, part)
	}
}
