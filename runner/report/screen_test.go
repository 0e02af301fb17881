package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"dtl-tf/graph/need"
)

// terminal returns the lines of a terminal after it has received the text.
func terminal(text string) []string {
	lines, at := []string{""}, 0
	for rest := text; rest != ""; {
		last := &lines[len(lines)-1]
		switch {
		case rest[0] == '\r':
			at, rest = 0, rest[1:]
		case rest[0] == '\n':
			lines, at, rest = append(lines, ""), 0, rest[1:]
		case strings.HasPrefix(rest, "\x1b[K"):
			*last, rest = (*last)[:at], rest[3:]
		default:
			*last = (*last)[:at] + rest[:1] + (*last)[min(at+1, len(*last)):]
			at, rest = at+1, rest[1:]
		}
	}
	return lines
}

// TestScreen: notes of several goroutines appear whole above the redrawn line, which stays.
func TestScreen(t *testing.T) {
	var b bytes.Buffer
	s := &Screen{w: &b, width: func() int { return 80 }}
	p := NewProgress(s, false)
	var loaders sync.WaitGroup
	for l := range 4 {
		loaders.Add(1)
		go func() {
			defer loaders.Done()
			for n := range 50 {
				fmt.Fprintf(s, "skipped: image %d of loader %d\n", n, l)
			}
		}()
	}
	for n := range 100 {
		p.show(fmt.Sprintf("epoch %d", n), 0)
	}
	loaders.Wait()
	fmt.Fprintf(s, "the last note\n")
	p.Break()
	fmt.Fprintf(s, "after it\n")
	lines := terminal(b.String())
	if len(lines) != 204 || lines[200] != "the last note" || !strings.HasSuffix(lines[201], " epoch 99") || lines[202] != "after it" {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	seen := map[string]bool{}
	for _, line := range lines[:200] {
		seen[line] = true
	}
	for l := range 4 {
		for n := range 50 {
			if line := fmt.Sprintf("skipped: image %d of loader %d", n, l); !seen[line] {
				t.Errorf("%q is not there", line)
			}
		}
	}
}

// TestScreenOpenLine: the redrawn line does not overwrite a text without a newline.
func TestScreenOpenLine(t *testing.T) {
	var b bytes.Buffer
	s := &Screen{w: &b, width: func() int { return 80 }}
	s.draw("bar 1")
	fmt.Fprint(s, "half a ")
	fmt.Fprint(s, "line")
	s.draw("bar 2")
	s.end()
	if got := terminal(b.String()); strings.Join(got, "|") != "half a line|bar 2|" {
		t.Errorf("%q", got)
	}
}

// TestScreenRace: progress and notes share a writer that is not a file.
func TestScreenRace(t *testing.T) {
	f := newFake(lines)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			fmt.Fprintln(f.screen, "skipped")
		}
	}()
	f.train(t, 3, 0, 20, time.Second)
	<-done
	if n := strings.Count(f.out.String(), "skipped\n"); n != 100 {
		t.Errorf("%d notes", n)
	}
}

// stopped is a reader that waits for goOn to be closed.
type stopped struct {
	goOn chan struct{}
	b    bytes.Buffer
}

func (s *stopped) Write(p []byte) (int, error) {
	<-s.goOn
	return s.b.Write(p)
}

// TestOutlet: nobody waits long for a reader that has stopped; when it reads again it gets the output that it missed, or the end
// of too much.
func TestOutlet(t *testing.T) {
	r := &stopped{goOn: make(chan struct{})}
	o := newOutlet(r)
	o.patience = time.Millisecond
	for n := range 20000 {
		fmt.Fprintf(o, "line %06d\n", n)
	}
	waited, cancel := context.WithCancel(context.Background())
	cancel()
	o.finish(waited) // ends with its context
	close(r.goOn)
	o.finish(context.Background())
	// The first line was already being written. 5461 lines of 12 bytes fit into 64 KiB.
	want := "line 000000\n\n(14538 lines are left out here, because nobody read them)\nline 014539\n"
	if got := r.b.String(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "line 019999\n") || strings.Count(got, "line 0") != 5462 {
		t.Errorf("%.200q", got)
	}
}

// TestOutletGone: after an error the outlet neither writes nor waits.
func TestOutletGone(t *testing.T) {
	r, w := io.Pipe()
	o := newOutlet(w)
	r.CloseWithError(errors.New("broken pipe"))
	for range 3 {
		if n, err := fmt.Fprintln(o, "text"); n != 5 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	o.finish(context.Background())
	if !o.gone {
		t.Error("it does not know that the reader is gone")
	}
}

// wrapped is a writer around another one.
type wrapped struct{ io.Writer }

func (w wrapped) Unwrap() io.Writer { return w.Writer }

// TestIsTerminal: a terminal is one behind another writer too.
func TestIsTerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	need.That(t, err == nil, fmt.Sprintf("a pseudo-terminal: %v", err))
	defer terminal.Close()
	t.Setenv("TERM", "xterm")
	if !IsTerminal(terminal) || !IsTerminal(wrapped{terminal}) || IsTerminal(wrapped{io.Discard}) || IsTerminal(io.Discard) {
		t.Errorf("%v %v %v %v, want a terminal, a terminal, none, none",
			IsTerminal(terminal), IsTerminal(wrapped{terminal}), IsTerminal(wrapped{io.Discard}), IsTerminal(io.Discard))
	}
}
