package runner

import (
	"fmt"
	"io"

	"dtl-tf/runner/train"
)

// UI is where a command talks to its user.
type UI struct {
	Out, Err io.Writer // results; progress and notes
	Quiet    bool      // no progress
	Version  string    // of the program

	// Watch, where it is set, may add hooks to a training loop, such as the progress of something larger.
	Watch func(h *train.Hooks)
}

// NoteFunc tells the user something that is neither progress nor an error.
type NoteFunc func(format string, args ...any)

// Note tells the user something that is neither progress nor an error.
func (ui UI) Note(format string, args ...any) {
	if !ui.Quiet && ui.Err != nil {
		fmt.Fprintf(ui.Err, format+"\n", args...)
	}
}

// NoteAll tells several things, a line each.
func NoteAll(lines []string, note func(string, ...any)) {
	for _, line := range lines {
		note("%s", line)
	}
}
