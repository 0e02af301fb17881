package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// ChildCommand is the argument with which the program starts itself to measure one method.
const ChildCommand = "compare-one"

// message is a line of JSON from a child to its parent: progress, the row, or an error.
type message struct {
	What  string `json:"what,omitempty"`
	Count int    `json:"count,omitempty"` // number of finished steps
	Row   *Row   `json:"row,omitempty"`
	Error string `json:"error,omitempty"`
}

// Child measures one method. It reads a request as JSON from in, and writes messages as lines of JSON to out. It calls orphaned when in
// is closed, which means that the parent has ended.
func Child(in io.Reader, out io.Writer, orphaned func()) error {
	// If memory runs out, Linux is to end this process and not its parent.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0o644)
	input := json.NewDecoder(in)
	var r request
	if err := input.Decode(&r); err != nil {
		return fmt.Errorf("this command is for 'dtl-tf compare' alone: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, io.MultiReader(input.Buffered(), in))
		orphaned()
	}()
	output := json.NewEncoder(out)
	row, err := measure(r, func(what string, count int) { _ = output.Encode(message{What: what, Count: count}) })
	last := message{Row: &row}
	if err != nil {
		last = message{Error: err.Error()}
	}
	_ = output.Encode(last) // it can only fail if the parent has ended
	return nil
}
