package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/expect"
)

var update = flag.Bool("update", false, "rewrite testdata/help")

// TestHelp compares every page with testdata/help, so that a changed flag shows in the diff. "help COMMAND", "COMMAND --help" and
// "COMMAND -h" print the same page.
func TestHelp(t *testing.T) {
	pages := map[string]string{"overview": cli(t, "help").out}
	for _, alias := range []string{"--help", "-h"} {
		if cli(t, alias).out != pages["overview"] {
			t.Errorf("dtl-tf %s is another page than dtl-tf help", alias)
		}
	}
	for _, c := range commands() {
		words := strings.Fields(c.name)
		o := cli(t, append([]string{"help"}, words...)...)
		o.want(t, exitDone)
		for _, alias := range []string{"--help", "-h"} {
			if p := cli(t, append(words, alias)...); p.out != o.out || p.err != "" || p.code != exitDone {
				t.Errorf("dtl-tf %s %s differs from dtl-tf help %s", c.name, alias, c.name)
			}
		}
		if !strings.HasPrefix(o.out, "dtl-tf "+c.name+" - ") {
			t.Errorf("the page of %s begins with %.40q", c.name, o.out)
		}
		if !strings.Contains(pages["overview"], c.purpose) {
			t.Errorf("the overview lacks %s", c.name)
		}
		pages[strings.ReplaceAll(c.name, " ", "-")] = o.out
	}
	for name, page := range pages {
		path := filepath.Join("testdata", "help", name+".txt")
		if *update {
			expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
			write(t, path, []byte(page))
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil || string(want) != page {
			t.Errorf("%s differs from the page now (to accept it: go test ./cmd/dtl-tf -run TestHelp -update, and look at the diff):\n%s", path, page)
		}
		for line := range strings.Lines(page) {
			if n := utf8.RuneCountInString(line); n > 120 && !strings.HasPrefix(line, "  dtl-tf ") {
				t.Errorf("%s has a line of %d characters: %s", name, n, line)
			}
		}
	}
}

// TestDoctor: doctor names the library that the tests themselves use.
func TestDoctor(t *testing.T) {
	o := cli(t, "doctor")
	o.want(t, exitDone)
	for _, text := range []string{"libtensorflow  " + tf.Version(), "/device:CPU:0", "processor", "oneDNN", "kernels", "memory", "GPU"} {
		if !strings.Contains(o.out, text) {
			t.Errorf("doctor lacks %q:\n%s", text, o.out)
		}
	}
	found := false
	for _, word := range strings.Fields(o.out) {
		if strings.Contains(filepath.Base(word), "libtensorflow") && filepath.IsAbs(word) {
			_, err := os.Stat(word)
			found = err == nil
		}
	}
	if !found {
		t.Errorf("doctor names no file of libtensorflow:\n%s", o.out)
	}
	if o := cli(t, "version"); o.out != "dtl-tf "+version+"\n" {
		t.Errorf("version prints %q", o.out)
	}
	if o := cli(t, "--version"); o.out != "dtl-tf "+version+"\n" {
		t.Errorf("--version prints %q", o.out)
	}
}
