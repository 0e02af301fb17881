package report

import (
	"bytes"
	"testing"
	"time"
)

// TestSay: a log gets a line after each pause, a terminal a redrawn line, which Line replaces.
func TestSay(t *testing.T) {
	var b bytes.Buffer
	clock := time.Unix(0, 0)
	p := &Progress{screen: &Screen{w: &b, width: func() int { return 40 }}, style: lines, now: func() time.Time { return clock }, last: clock}
	asked := 0
	say := func(pause time.Duration, text string) {
		p.Say(pause, 0.5, func() string { asked++; return text })
	}
	say(time.Minute, "too early")
	clock = clock.Add(time.Minute)
	say(time.Minute, "one")
	say(0, "two")
	p.Line("three")
	if b.String() != "one\ntwo\nthree\n" || asked != 2 {
		t.Errorf("%q, asked %d times", b.String(), asked)
	}
	b.Reset()
	p.style = redrawn
	say(time.Minute, "drawn")
	p.Line("stays")
	if want := "\r" + "━━━━━━━━━━━━────────────" + " drawn\x1b[K" + "\r\x1b[K" + "stays\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	p.style = silent
	say(0, "nothing")
	p.Line("nothing")
	if b.Len() > 0 {
		t.Errorf("not silent: %q", b.String())
	}
	for seconds, want := range map[int]string{7: "7s", 185: "3m05s", 7440: "2h04m"} {
		if got := Duration(time.Duration(seconds) * time.Second); got != want {
			t.Errorf("%d s is %s", seconds, got)
		}
	}
}
