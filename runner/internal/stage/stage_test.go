package stage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/fault"
)

// put creates a folder of two files with the text.
func put(t *testing.T, dir, text string) {
	t.Helper()
	expect.NoError(t, os.MkdirAll(filepath.Join(dir, "variables"), 0o777))
	for _, name := range []string{"model", "variables/data"} {
		expect.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666))
	}
}

// whole returns the text of both files of a folder, or "" without a folder.
func whole(t *testing.T, dir string) string {
	t.Helper()
	one, err := os.ReadFile(filepath.Join(dir, "model"))
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is half a folder", dir)
		}
		return ""
	}
	two, err2 := os.ReadFile(filepath.Join(dir, "variables/data"))
	if err != nil || err2 != nil || string(one) != string(two) {
		t.Errorf("%s is no whole folder: %q, %q, %v, %v", dir, one, two, err, err2)
	}
	return string(one)
}

type killed struct{}

// replaceUntil replaces the target, and ends at the fault point of that number.
func replaceUntil(t *testing.T, target, text string, number int) (survived bool) {
	t.Helper()
	seen := 0
	fault.Hook = func(string) {
		if seen++; seen == number {
			panic(killed{})
		}
	}
	var s *Stage
	defer func() {
		fault.Hook = nil
		if e := recover(); e != nil {
			if e != any(killed{}) {
				panic(e)
			}
			if s.lock != nil {
				s.lock.Close() // as the kernel does it
			}
		}
	}()
	s, err := Open(target, func() error { return nil })
	expect.NoError(t, err)
	put(t, s.Folder, text)
	expect.NoError(t, s.Publish())
	return true
}

// TestKilled ends the process at every point, with and without an exchange of folders and an old folder.
func TestKilled(t *testing.T) {
	swap := exchange
	defer func() { exchange = swap }()
	for name, how := range map[string]func(a, b string) error{
		"exchange": swap, "no exchange": func(string, string) error { return errors.ErrUnsupported },
	} {
		exchange = how
		for _, before := range []string{"old", ""} {
			target := filepath.Join(t.TempDir(), "model")
			number := 1
			for ; ; number++ {
				expect.NoError(t, os.RemoveAll(target))
				if before != "" {
					put(t, target, before)
				}
				survived := replaceUntil(t, target, "new", number)
				left := whole(t, target)
				if left == "" && before != "" { // away for a moment: Open puts it back
					s, err := Open(target, func() error { return nil })
					expect.NoError(t, err)
					s.Discard()
					left = whole(t, target)
				}
				if left != before && left != "new" || survived && left != "new" {
					t.Errorf("%s: at point %d of replacing %q there is %q", name, number, before, left)
				}
				if !replaceUntil(t, target, "newer", -1) || whole(t, target) != "newer" {
					t.Errorf("%s: after point %d the next one fails", name, number)
				}
				entries, err := os.ReadDir(filepath.Dir(target))
				expect.NoError(t, err)
				if len(entries) != 1 {
					t.Errorf("%s: left behind: %v", name, entries)
				}
				if survived {
					break
				}
			}
			if number < 4 {
				t.Errorf("%s: only %d points", name, number)
			}
		}
	}
}

// TestTwo: a second process with the same target fails and names the first. A check that fails leaves nothing behind.
func TestTwo(t *testing.T) {
	target := filepath.Join(t.TempDir(), "model")
	yes := func() error { return nil }
	s, err := Open(target, yes)
	expect.NoError(t, err)
	if _, err := Open(target, yes); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("locked by process %d on ", os.Getpid())) {
		t.Errorf("the second: %v", err)
	}
	s.Discard()
	no := errors.New("no")
	if _, err := Open(target, func() error { return no }); err != no {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(target)); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestTargetMovedAway: if the target was moved away and nothing took its place, Discard puts it back.
func TestTargetMovedAway(t *testing.T) {
	target := filepath.Join(t.TempDir(), "model")
	put(t, target, "old")
	s, err := Open(target, func() error { return nil })
	expect.NoError(t, err)
	put(t, s.Folder, "new")
	expect.NoError(t, os.Rename(target, filepath.Join(s.root, oldName))) // as replace leaves it if its other two renames fail
	s.Discard()
	if got := whole(t, target); got != "old" {
		t.Errorf("%q", got)
	}
}
