package check

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/finding"
	"dtl-tf/runner/report"
)

// The four lists of a data set.
const (
	trainList    = "train800.txt"
	valList      = "val200.txt"
	trainValList = "train800val200.txt"
	testList     = "test.txt"
)

var listNames = []string{trainList, valList, trainValList, testList}

// entry is a line of a list.
type entry struct {
	data.Item
	list string // path of the list
	line int
}

func (e entry) where() string { return fmt.Sprintf("%s line %d", e.list, e.line) }

// list holds the entries of a list that could be read.
type list struct {
	path    string
	entries []entry
}

// readList reads a list as training does, but reports every bad line instead of the first.
func readList(dir, name string, classes int, f *finding.List) list {
	l := list{path: filepath.Join(dir, name)}
	content, err := limit.ReadFile(l.path, data.MaxListBytes)
	if errors.Is(err, fs.ErrNotExist) {
		f.Problem("missing lists", l.path, "the list is missing")
		return l
	}
	if err != nil {
		f.Problem("unreadable lists", l.path, "the list cannot be read: %v", err)
		return l
	}
	if bytes.Contains(content, []byte("\r\n")) {
		f.Remark("lists with CRLF", l.path, "lines end with CRLF, which is accepted")
	}
	blank, firstBlank := 0, 0
	first := map[string]entry{} // by name
	for line := range data.Lines(dir, content, classes) {
		e := entry{line.Item, l.path, line.Number}
		switch {
		case line.Blank:
			if blank++; blank == 1 {
				firstBlank = line.Number
			}
			continue
		case line.Err != nil:
			f.Problem("bad lines", e.where(), "%v", line.Err)
			continue
		}
		if earlier, ok := first[e.Name]; ok {
			f.Problem("images listed twice", e.where(), "%s is in line %d already, with label %d there and %d here", e.Name, earlier.line, earlier.Label, e.Label)
		} else {
			first[e.Name] = e
		}
		l.entries = append(l.entries, e)
	}
	if len(l.entries) == 0 {
		f.Problem("empty lists", l.path, "the list has no image: want lines like \"images/0001.jpg 3\"")
	} else if blank > 0 {
		f.Remark("blank lines", fmt.Sprintf("%s line %d", l.path, firstBlank), "%s, the first here: passed over", report.Count(blank, "blank line"))
	}
	return l
}
