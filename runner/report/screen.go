package report

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// clearLine moves the cursor to the start of its line and clears the line.
const clearLine = "\r\x1b[K"

// Screen shows the notes and the progress of a command, usually on stderr: lines and, on a terminal, one redrawn line below them.
// Several goroutines may write to it. Writing never fails, so that training does not depend on a reader.
type Screen struct {
	width func() int // of the terminal; nil if w is none that can redraw a line

	mu   sync.Mutex
	w    io.Writer
	bar  string // the redrawn line, or ""
	open bool   // the last line has no newline yet
}

// NewScreen returns a screen on w, which may be nil, or w itself if it is a Screen.
func NewScreen(w io.Writer) *Screen {
	if s, ok := w.(*Screen); ok {
		return s
	}
	if w == nil {
		w = io.Discard
	}
	s := &Screen{w: w}
	if f, ok := w.(*os.File); ok {
		s.w = newOutlet(f)
		if IsTerminal(w) {
			s.width = func() int { // windows change their size
				if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
					return width
				}
				return defaultWidth
			}
		}
	}
	return s
}

// IsTerminal reports whether w, or the writer that it wraps, is a terminal that understands escape sequences.
func IsTerminal(w io.Writer) bool {
	if outer, ok := w.(interface{ Unwrap() io.Writer }); ok {
		w = outer.Unwrap()
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// Write implements io.Writer: it prints above the redrawn line. It never fails.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.print(p, s.bar)
	return len(p), nil
}

// replace prints a text in place of the redrawn line.
func (s *Screen) replace(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.print([]byte(text), "")
}

// print writes a text in place of the redrawn line, and the next redrawn line below it. The caller holds the lock.
func (s *Screen) print(text []byte, next string) {
	var b bytes.Buffer
	if s.bar != "" {
		b.WriteString(clearLine)
	}
	b.Write(text)
	if len(text) > 0 {
		s.open = !bytes.HasSuffix(text, []byte("\n"))
	}
	s.bar = ""
	if next != "" && !s.open {
		b.WriteString(next)
		s.bar = next
	}
	_, _ = s.w.Write(b.Bytes()) // without a reader nobody needs the error
}

// draw replaces the text of the redrawn line.
func (s *Screen) draw(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := "\r" + text + "\x1b[K" // clears the rest of a longer text
	if s.open {
		line = "\n" + line
	}
	s.open, s.bar = false, line
	_, _ = io.WriteString(s.w, line)
}

// drawn reports whether there is a redrawn line.
func (s *Screen) drawn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bar != ""
}

// end keeps the redrawn line as it is, and starts a new line.
func (s *Screen) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != "" {
		_, _ = io.WriteString(s.w, "\n")
		s.bar = ""
	}
}

// Close waits until everything is written or ctx ends.
func (s *Screen) Close(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.w.(*outlet); ok {
		o.finish(ctx)
	}
}
