package report

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// clearLine takes the cursor to the start of its line and clears that.
const clearLine = "\r\x1b[K"

// Screen is where a command tells how it goes on, usually stderr. It holds lines, and on a terminal below them one line that is redrawn
// as the work goes on. Several goroutines may write to it. Writing never fails, so that nobody's listening is needed for a training run.
type Screen struct {
	width func() int // of the terminal; nil where nothing can be redrawn

	mu   sync.Mutex
	w    io.Writer
	bar  string // the redrawn line, "" where there is none
	open bool   // the line written last has no newline yet
}

// NewScreen is a screen on w, which may be nil, or w itself if it is one already.
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
		if term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
			s.width = func() int { // asked each time: windows change their size
				if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
					return width
				}
				return usualWidth
			}
		}
	}
	return s
}

// Write implements io.Writer: the text goes above the redrawn line. It never fails.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.print(p, s.bar)
	return len(p), nil
}

// replace leaves a text in place of the redrawn line.
func (s *Screen) replace(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.print([]byte(text), "")
}

// print writes a text where the redrawn line is, and below the text the next one. The caller has the lock.
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
	_, _ = s.w.Write(b.Bytes()) // with nobody to read there is nobody to tell
}

// draw shows a text in the redrawn line.
func (s *Screen) draw(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := "\r" + text + "\x1b[K" // which clears what a longer text left
	if s.open {
		line = "\n" + line
	}
	s.open, s.bar = false, line
	_, _ = io.WriteString(s.w, line)
}

// drawn tells whether there is a redrawn line.
func (s *Screen) drawn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bar != ""
}

// end leaves the redrawn line as it is, and what is printed next starts on a line of its own.
func (s *Screen) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != "" {
		_, _ = io.WriteString(s.w, "\n")
		s.bar = ""
	}
}

// Close waits until all is written, or until ctx ends.
func (s *Screen) Close(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.w.(*outlet); ok {
		o.finish(ctx)
	}
}
