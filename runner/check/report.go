package check

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/finding"
	"dtl-tf/runner/report"
)

// Report is the result of a check, and its form in JSON.
type Report struct {
	Data     string            `json:"data"`
	Layout   string            `json:"layout"` // "" if the data set can't be opened
	Images   int               `json:"images"`
	Readable int               `json:"readable"`
	Splits   map[string]int    `json:"splits"` // images by split
	Classes  []Class           `json:"classes"`
	Formats  map[string]int    `json:"formats"` // readable images by format
	Problems int               `json:"problems"`
	Findings []finding.Finding `json:"findings"` // problems first

	sizes string
}

// Class counts the images of a class.
type Class struct {
	Name   string         `json:"name"`
	Images map[string]int `json:"images"` // by split
}

func newReport(name string, set *data.Set, images []member) Report {
	r := Report{Data: spell.UTF8(name), Layout: set.Layout, Images: len(images), Splits: map[string]int{}, Formats: map[string]int{}, sizes: sizes(images)}
	for label := range set.Classes {
		r.Classes = append(r.Classes, Class{set.ClassName(label), map[string]int{}})
	}
	for i := range images {
		m := &images[i]
		r.Splits[m.split]++
		for _, class := range set.ClassesOf(m.Item) {
			r.Classes[class].Images[m.split]++
		}
		if m.Readable() {
			r.Readable++
			r.Formats[m.Format]++
		}
	}
	return r
}

// print writes the report as JSON or for people.
func (r Report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		for i := range r.Findings {
			r.Findings[i].Where = spell.UTF8(r.Findings[i].Where)
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	if r.Layout == "" { // it was not opened
		return finding.Print(w, "", r.Findings)
	}
	classes := "1 class"
	if n := len(r.Classes); n != 1 {
		classes = fmt.Sprintf("%d classes", n)
	}
	for i := range r.Findings {
		r.Findings[i].Where = spell.Line(r.Findings[i].Where)
	}
	fmt.Fprintf(w, "%s (%s): %s of %s", r.Data, r.Layout, report.Count(r.Images, "image"), classes)
	if k := kinds(r.Formats); k != "" {
		fmt.Fprintf(w, "; %s; %s", k, r.sizes)
	}
	fmt.Fprintln(w)
	if err := r.table().Render(w, report.Text); err != nil {
		return err
	}
	if len(r.Findings) == 0 {
		_, err := fmt.Fprintln(w, "nothing to remark")
		return err
	}
	return finding.Print(w, "", r.Findings)
}

// maxClasses is the number of classes up to which all have a row in the table: of more, those with the fewest and the most images.
const maxClasses = 30

func (r Report) table() report.Table {
	names := slices.DeleteFunc([]string{data.Train, data.Val, data.Test}, func(name string) bool { return r.Splits[name] == 0 })
	t := report.Table{Columns: []report.Column{{Key: "class", Title: "class", Cut: true}}, MaxWidth: 100}
	for _, name := range names {
		t.Columns = append(t.Columns, report.Column{Key: name, Title: name, Right: true, Text: report.Thousands})
	}
	row := func(c Class) {
		cells := []any{spell.Line(c.Name)}
		for _, name := range names {
			cells = append(cells, c.Images[name])
		}
		t.Rows = append(t.Rows, cells)
	}
	total := func(c Class) (n int) {
		for _, images := range c.Images {
			n += images
		}
		return n
	}
	shown := slices.Clone(r.Classes)
	if len(shown) > maxClasses {
		slices.SortStableFunc(shown, func(a, b Class) int { return total(a) - total(b) })
		left := len(shown) - maxClasses
		shown = slices.Concat(shown[:maxClasses/2], shown[len(shown)-maxClasses/2:])
		t.Note = fmt.Sprintf("The classes with the fewest and the most images; %s more are between them (--json lists all).", report.Thousands(left))
	}
	for _, c := range shown {
		row(c)
	}
	row(Class{"all", r.Splits})
	return t
}
