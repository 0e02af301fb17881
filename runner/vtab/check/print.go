package check

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"dtl-tf/runner/internal/finding"
	"dtl-tf/runner/internal/origin"
	"dtl-tf/runner/report"
)

// results holds the reports on all data sets.
type results struct {
	root    string
	quick   bool
	reports []Report
	absent  []string          // tasks that have no folder
	others  []finding.Finding // about other folders of the root
}

// texts is a table's cell of findings.
type texts []finding.Finding

// String joins the findings for CSV.
func (t texts) String() string {
	var lines []string
	for _, f := range t {
		lines = append(lines, strings.Join(strings.Fields(f.String()), " "))
	}
	return strings.Join(lines, " | ")
}

func (s results) table() report.Table {
	t := report.Table{Columns: []report.Column{
		{Key: "task", Title: "task"},
		{Key: "train800", Title: "train\n800", Right: true, Text: report.Thousands},
		{Key: "val200", Title: "val\n200", Right: true, Text: report.Thousands},
		{Key: "train800val200", Title: "train800\nval200", Right: true, Text: report.Thousands},
		{Key: "test", Title: "test", Right: true, Text: report.Thousands},
		{Key: "classes", Title: "classes\nseen", Right: true},
		{Key: "classes_of_task", Title: "of", Right: true},
		{Key: "unreadable", Title: "unread-\nable", Right: true, Text: report.Thousands},
		{Key: "shared", Title: "train\nin test", Right: true, Text: report.Thousands},
		{Key: "twice", Title: "twice\nin list", Right: true, Text: report.Thousands},
		{Key: "fingerprint", Title: "fingerprint", Text: func(v any) string { return fmt.Sprintf("%.12s", v) }},
		{Key: "origin", Title: "images", Text: func(v any) string { return origin.Short(fmt.Sprint(v)) }},
		{Key: "problems", Title: "problems", Right: true, Text: report.Thousands},
		{Key: "folder", Data: true},
		{Key: "findings", Data: true},
	}}
	for _, r := range s.reports {
		if r.Dir == "" {
			t.Rows = append(t.Rows, []any{r.Task.Folder, nil, nil, nil, nil, nil, r.Task.Classes, nil, nil, nil, nil, nil, r.Problems, nil, texts(r.Findings)})
			continue
		}
		t.Rows = append(t.Rows, []any{
			r.Task.Folder, r.Counts[trainList], r.Counts[valList], r.Counts[trainValList], r.Counts[testList],
			r.Seen, r.Task.Classes, r.Unreadable, r.Shared, r.Twice, report.OrNil(r.Fingerprint), report.OrNil(r.Origin), r.Problems, r.Dir, texts(r.Findings),
		})
	}
	t.Note = "Fingerprint: the first 12 digits of the one that a run records for its training and test images." +
		"\nImages: official lists and pixels of VTAB-1k, other pixels or unverified ones in official lists, or other lists; runs record it."
	if s.quick {
		t.Note += "\nImages were not decoded: damaged ones are not found, and only equal files count as the same image."
	}
	if len(s.absent) > 0 {
		t.Note += fmt.Sprintf("\nNot in %s: %s.", s.root, strings.Join(s.absent, ", "))
	}
	return t
}

// print writes the table, followed by the findings unless the format is for programs.
func (s results) print(w io.Writer, format string) error {
	if err := s.table().Render(w, format); err != nil || format == report.CSV || format == report.JSON {
		return err
	}
	bullet := ""
	if format == report.Markdown {
		bullet = "- "
	}
	var all []finding.Finding
	for _, r := range s.reports {
		all = append(all, r.Findings...)
	}
	if all = append(all, s.others...); len(all) > 0 {
		fmt.Fprintln(w)
	}
	return finding.Print(w, bullet, all)
}

// verdict returns an error that counts the problems, if there are any.
func (s results) verdict() error {
	var folders []string
	n := 0
	for _, r := range s.reports {
		if r.Problems > 0 {
			n += r.Problems
			folders = append(folders, r.Task.Folder)
		}
	}
	if n == 0 {
		return nil
	}
	return errors.New(report.Count(n, "problem") + " in " + strings.Join(folders, ", "))
}
