package prepare

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/spell"
	"dtl-tf/runner/internal/origin"
	"dtl-tf/runner/report"
)

// RecordFile lies beside the lists and states the origin of the data set.
const RecordFile = origin.File

// Record is the content of RecordFile.
type Record struct {
	Program  string       `json:"program"`
	Prepared string       `json:"prepared"` // date and time, UTC
	Kind     string       `json:"kind"`     // of the source
	Sources  []SourceFile `json:"sources"`
	Options  Options      `json:"options"`

	Task     string `json:"task,omitempty"`
	Official bool   `json:"official"` // the images and labels of VTAB-1k, by the published rule
	// Pixels says what was done to the pixels of the source; "" if nothing was.
	Pixels string `json:"pixels,omitempty"`
	// Remarks explain why Official is false, and what else matters to readers of results.
	Remarks []string `json:"remarks,omitempty"`

	Classes     int               `json:"classes"`
	ClassNames  []string          `json:"class_names,omitempty"`
	Counts      map[string]int    `json:"counts"`                // images by list
	ClassCounts map[string][]int  `json:"counts_by_class"`       // by list, by label
	Keys        map[string]string `json:"keys_sha256,omitempty"` // by list: of the keys by which TFDS identifies its images, a line each
	Fingerprint string            `json:"data_fingerprint"`      // of train800val200 and test, as in run.json
	Training    string            `json:"training_fingerprint"`  // of train800val200 alone, as in run.json of a search

	published []authorFile // the checksums of the set's archives
}

// SourceFile is a file that was read, or the folder of class folders, whose hash is that of a line "SIZE NAME" per image.
type SourceFile struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	// Published is the checksum by which this is known to be the published file, sha256 or md5; "" if none is published or it differs.
	Published string `json:"published,omitempty"`
}

// Options are the flags on which the result depends.
type Options struct {
	Train  int     `json:"train"`
	Val    int     `json:"val"`
	Test   *int    `json:"test,omitempty"` // nil: all
	Seed   *uint64 `json:"seed,omitempty"` // nil: nothing was drawn
	Link   bool    `json:"link,omitempty"`
	JPEG75 bool    `json:"jpeg75,omitempty"`
}

func (r *Record) remark(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Remarks, text) {
		r.Remarks = append(r.Remarks, text)
	}
}

func (r *Record) unofficial(format string, args ...any) {
	r.Official = false
	r.remark(origin.Unofficial+format, args...)
}

// ReadRecord reads the record of a prepared data set.
func ReadRecord(folder string) (*Record, error) {
	file := filepath.Join(folder, RecordFile)
	raw, err := limit.ReadFile(file, limit.Text)
	if err != nil {
		return nil, err
	}
	var r Record
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if r.Program == "" || r.Counts == nil {
		return nil, fmt.Errorf("%s is not the record of a prepared data set", file)
	}
	return &r, nil
}

// maxRows is the largest number of classes that the table lists.
const maxRows = 50

// Print prints the counts and the origin of the data.
func (r *Record) Print(w io.Writer) error {
	if err := r.table().Render(w, report.Text); err != nil {
		return err
	}
	selection := fmt.Sprintf("by the rule of VTAB-1k's task %s, but see the remarks", r.Task)
	switch {
	case r.Options.Seed != nil:
		selection = fmt.Sprintf("drawn with seed %d", *r.Options.Seed)
	case r.Official:
		selection = "the images of VTAB-1k's task " + r.Task
	}
	var names []string
	for _, s := range r.Sources {
		names = append(names, s.Name)
	}
	fmt.Fprintf(w, "source       %s (%s)\n", spell.Few(names, 3), r.Kind)
	fmt.Fprintf(w, "selection    %s\n", selection)
	if r.Pixels != "" {
		fmt.Fprintf(w, "pixels       %s\n", r.Pixels)
	}
	for _, text := range r.Remarks {
		fmt.Fprintf(w, "remark       %s\n", text)
	}
	_, err := fmt.Fprintf(w, "fingerprint  %s\n", r.Fingerprint)
	return err
}

func (r *Record) table() report.Table {
	columns := []report.Column{{Key: "class", Title: "class"}}
	for _, list := range listNames {
		columns = append(columns, report.Column{Key: list, Title: list, Right: true})
	}
	t := report.Table{Columns: columns}
	row := func(name string, value func(list string) any) {
		cells := []any{name}
		for _, list := range listNames {
			cells = append(cells, value(list))
		}
		t.Rows = append(t.Rows, cells)
	}
	if r.Classes <= maxRows {
		for label := range r.Classes {
			name := fmt.Sprint(label)
			if label < len(r.ClassNames) {
				name += " " + spell.Line(r.ClassNames[label])
			}
			row(name, func(list string) any { return r.ClassCounts[list][label] })
		}
	} else {
		row("classes with images", func(list string) any {
			return len(slices.DeleteFunc(slices.Clone(r.ClassCounts[list]), func(n int) bool { return n == 0 }))
		})
		row("fewest in a class", func(list string) any { return slices.Min(r.ClassCounts[list]) })
		row("most in a class", func(list string) any { return slices.Max(r.ClassCounts[list]) })
	}
	row("all", func(list string) any { return r.Counts[list] })
	return t
}
