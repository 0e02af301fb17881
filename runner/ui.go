package runner

import (
	"fmt"
	"io"

	"dtl-tf/runner/train"
)

// UI holds the outputs of a command.
type UI struct {
	Out, Err io.Writer // results; progress and notes
	Quiet    bool      // no progress and no notes
	Version  string    // of the program

	// Watch, unless nil, adds hooks to the training loop. A sweep shows its progress in this way.
	Watch func(h *train.Hooks)
}

// NoteFunc prints a note, a line that is neither progress nor an error.
type NoteFunc func(format string, args ...any)

// Note prints a note to Err unless Quiet is set.
func (ui UI) Note(format string, args ...any) {
	if !ui.Quiet && ui.Err != nil {
		fmt.Fprintf(ui.Err, format+"\n", args...)
	}
}

// NoteAll prints several notes. Empty ones are left out.
func NoteAll(lines []string, note NoteFunc) {
	for _, line := range lines {
		if line != "" {
			note("%s", line)
		}
	}
}
