package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// ChildCommand is the word by which the program, started by itself, measures one method.
const ChildCommand = "compare-one"

// message is one line from a child to its parent: progress, the row, or an error.
type message struct {
	What  string `json:"what,omitempty"`
	Count int    `json:"count,omitempty"` // steps done
	Row   *Row   `json:"row,omitempty"`
	Error string `json:"error,omitempty"`
}

// Child measures one method: a request comes as a line of JSON on in, messages go to out as lines of JSON. It calls
// orphaned when in is closed, as it is when the parent is gone.
func Child(in io.Reader, out io.Writer, orphaned func()) error {
	volunteer()
	input := json.NewDecoder(in)
	var r request
	if err := input.Decode(&r); err != nil {
		return fmt.Errorf("this command is for 'dtl-tf compare' alone: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, io.MultiReader(input.Buffered(), in))
		orphaned()
	}()
	var lock sync.Mutex
	output := json.NewEncoder(out)
	send := func(m message) {
		lock.Lock()
		defer lock.Unlock()
		_ = output.Encode(m) // with nobody to read there is nobody to tell
	}
	row, err := measure(r, func(what string, count int) { send(message{What: what, Count: count}) })
	if err != nil {
		send(message{Error: err.Error()})
		return nil
	}
	send(message{Row: &row})
	return nil
}
