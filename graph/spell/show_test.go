package spell

import (
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestShow checks that names are quoted only if necessary and that quoted names can be unquoted.
func TestShow(t *testing.T) {
	for _, c := range []struct{ name, utf8, line string }{
		{"cat", "cat", "cat"}, {"two words, a comma", "two words, a comma", "two words, a comma"}, {"é 猫 \u202f", "é 猫 \u202f", "é 猫 \u202f"},
		{"", "", `""`}, {"a\tb", "a\tb", `"a\tb"`}, {"a\nb\x1b", "a\nb\x1b", `"a\nb\x1b"`}, {"a\u2028b", "a\u2028b", `"a\u2028b"`},
		{"\xff", `"\xff"`, `"\xff"`}, {"\xfe", `"\xfe"`, `"\xfe"`}, {`"\xff"`, `"\"\\xff\""`, `"\"\\xff\""`}, {"\ufffd", "\ufffd", "\ufffd"},
	} {
		for got, want := range map[string]string{UTF8(c.name): c.utf8, Line(c.name): c.line} {
			if got != want {
				t.Errorf("%q is shown as %s, want %s", c.name, got, want)
			}
			if strings.HasPrefix(got, `"`) {
				if back, err := strconv.Unquote(got); err != nil || back != c.name {
					t.Errorf("%s reads back as %q, %v", got, back, err)
				}
			}
		}
	}
	for want, names := range map[string][]string{"": nil, "a, \"\\t\"": {"a", "\t"}, "a, b and 2 more": {"a", "b", "c", "d"}} {
		if got := Few(names, 2); got != want {
			t.Errorf("%q is listed as %q, want %q", names, got, want)
		}
	}
}

// TestNearest checks that case and Unicode composition do not count.
func TestNearest(t *testing.T) {
	known := []string{"apple", "damson", "caf\u00e9", strings.Repeat("x", 300)}
	for _, c := range []struct {
		name, best string
		distance   int
	}{
		{"Damson", "damson", 0}, {"cafe\u0301", "caf\u00e9", 0}, {"dampson", "damson", 1}, {"aple", "apple", 1}, {strings.Repeat("x", 300), "", math.MaxInt},
	} {
		if best, distance := Nearest(c.name, known); best != c.best || distance != c.distance {
			t.Errorf("%q is near %q by %d, want %q, %d", c.name, best, distance, c.best, c.distance)
		}
	}
	if best, distance := Nearest("a", nil); best != "" || distance != math.MaxInt {
		t.Errorf("nothing known: %q, %d", best, distance)
	}
}

// TestShell: a shell turns the argument back into the path.
func TestShell(t *testing.T) {
	for _, path := range []string{"runs/a", "my photos", "it's", "$HOME", "a;b", "café/1.jpg", "*", `"q"`} {
		got, err := exec.Command("sh", "-c", "printf %s "+Shell(path)).Output()
		if err != nil || string(got) != path {
			t.Errorf("%q is shown as %s, which a shell reads as %q (%v)", path, Shell(path), got, err)
		}
	}
	if got := Shell("runs/photos/adapter.safetensors"); got != "runs/photos/adapter.safetensors" {
		t.Errorf("a plain path becomes %s", got)
	}
	if got := Shell("a\nb"); got != `"a\nb"` {
		t.Errorf("a path of two lines becomes %s", got)
	}
}
