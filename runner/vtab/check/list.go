package check

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/data"
)

// The four lists of a data set.
const (
	trainList    = "train800.txt"
	valList      = "val200.txt"
	trainValList = "train800val200.txt"
	testList     = "test.txt"
)

func lists() []string { return []string{trainList, valList, trainValList, testList} }

// entry is a line of a list.
type entry struct {
	data.Item
	list string // path of the list
	line int
}

func (e entry) where() string { return fmt.Sprintf("%s line %d", e.list, e.line) }

// list is a list that was read as far as it can be.
type list struct {
	path    string
	there   bool
	entries []entry
}

// readList reads a list as package data does, but goes on after a bad line and tells each.
func readList(dir, name string, classes int, f *findings) list {
	l := list{path: filepath.Join(dir, name)}
	content, err := limit.ReadFile(l.path, data.MaxListBytes)
	if errors.Is(err, fs.ErrNotExist) {
		f.problem("missing lists", l.path, "the list is missing")
		return l
	}
	if err != nil {
		f.problem("unreadable lists", l.path, "the list cannot be read: %v", err)
		return l
	}
	l.there = true
	if bytes.Contains(content, []byte("\r\n")) {
		f.remark("lists with CRLF", l.path, "lines end with CRLF, which is read all the same")
	}
	blank, firstBlank := 0, 0
	lines := map[string]entry{} // by name
	for line := range data.Lines(dir, content, classes) {
		e := entry{Item: line.Item, list: l.path, line: line.Number}
		switch {
		case line.Blank:
			if blank++; blank == 1 {
				firstBlank = line.Number
			}
			continue
		case line.Err != nil:
			f.problem("bad lines", e.where(), "%v", line.Err)
			continue
		}
		if first, twice := lines[e.Name]; twice {
			f.problem("images listed twice", e.where(), "%s is in line %d already, with label %d there and %d here", e.Name, first.line, first.Label, e.Label)
		} else {
			lines[e.Name] = e
		}
		l.entries = append(l.entries, e)
	}
	if blank > 0 && len(l.entries) > 0 {
		f.remark("blank lines", fmt.Sprintf("%s line %d", l.path, firstBlank), "%s, the first here, which are passed over", count(blank, "blank line"))
	}
	if len(l.entries) == 0 {
		f.problem("empty lists", l.path, "the list has no image: want lines like \"images/0001.jpg 3\"")
	}
	return l
}

// count is "1 image", "2 images", "3,000 images".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
