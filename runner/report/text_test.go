package report

import "testing"

func TestWrap(t *testing.T) {
	for _, c := range []struct{ head, indent, text, want string }{
		{"", "", "one two three", "one two\nthree"},
		{"[1] ", "    ", "one two three four", "[1] one\n    two\n    three\n    four"},
		{"  ", "    ", "äöü äöü x", "  äöü\n    äöü\n    x"}, // counts characters
		{"", "", "incomprehensible", "incomprehensible"},
		{"", "", "", ""},
	} {
		if got := Wrap(c.head, c.indent, c.text, 8); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 cells", 1: "1 cell", 2: "2 cells"} {
		if got := Count(n, "cell"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMiB(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 1: "<0.1", 1 << 20: "1.0", 3 << 20: "3.0", 10800332: "10", 1536 << 20: "1,536", 1122<<20 + 1<<19: "1,123"} {
		if got := MiB(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
