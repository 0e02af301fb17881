package compare

import (
	"encoding/json"
	"fmt"
	"io"

	"dtl-tf/dtl"
	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/report"
)

// print writes the table in a format.
func (t TaskComparison) print(w io.Writer, format string) error {
	if format == report.JSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(t)
	}
	return t.table().Render(w, format)
}

func (t TaskComparison) table() report.Table {
	bytes := func(v any) string { return report.GiB(v.(int64)) }
	mega := func(v any) string { return fmt.Sprintf("%.2f", float64(v.(int64))/1e6) }
	number := func(v any) string { return fmt.Sprintf("%.3g", v) }
	table := report.Table{Note: t.Method, Columns: []report.Column{
		{Key: "method", Title: "method"}, {Key: "tasks", Title: "tasks", Right: true},
		{Key: "blocks", Title: "blocks", Right: true}, {Key: "blocks_apart", Title: "apart", Right: true},
		{Key: "seconds_per_image", Title: "s/image", Right: true, Text: number}, {Key: "seconds_per_image_apart", Title: "apart", Right: true, Text: number},
		{Key: "seconds_to_apart", Title: "of apart", Right: true, Text: percent},
		{Key: "resident_bytes", Title: "resident", Right: true, Text: bytes}, {Key: "resident_bytes_apart", Title: "apart", Right: true, Text: bytes},
		{Key: "stored_bytes", Title: "stored, MB", Right: true, Text: mega}, {Key: "stored_bytes_apart", Title: "apart, MB", Right: true, Text: mega},
		{Key: "error", Title: "error", Data: true},
	}}
	for _, r := range t.Rows {
		if r.TaskMeasurement == nil {
			row := make([]any, len(table.Columns))
			row[0] = r.Method
			if r.Failure != nil {
				row[len(row)-1] = r.Failure.Error
			}
			table.Rows = append(table.Rows, row)
			continue
		}
		for _, c := range r.TaskMeasurement.Tasks {
			table.Rows = append(table.Rows, []any{
				r.Method, c.Count, c.Blocks, c.BlocksApart, c.Seconds, c.SecondsApart, c.Ratio,
				report.OrNil(c.Resident), report.OrNil(c.ResidentApart), c.Stored, c.StoredBackbone, nil,
			})
		}
	}
	return table
}

// figure draws seconds and memory against the number of tasks.
func (t TaskComparison) figure() report.Curves {
	f := report.Curves{X: "tasks on one backbone", Left: "seconds an image, all tasks", Right: "resident memory, GiB"}
	for _, r := range t.Rows {
		if r.TaskMeasurement == nil {
			continue
		}
		shared := report.Curve{Name: published.Of(r.Method).Name, Own: dtl.Ours(r.Method)}
		apart := report.Curve{Name: shared.Name + " apart", Own: shared.Own, Dashed: true}
		for _, c := range r.TaskMeasurement.Tasks {
			add := func(to *report.Curve, seconds float64, bytes int64) {
				to.X, to.Left, to.Right = append(to.X, float64(c.Count)), append(to.Left, seconds), append(to.Right, float64(bytes)/(1<<30))
			}
			add(&shared, c.Seconds, c.Resident)
			add(&apart, c.SecondsApart, c.ResidentApart)
		}
		f.Curves = append(f.Curves, shared, apart)
	}
	return f
}

// plot writes the figure in the format of the file's ending.
func (t TaskComparison) plot(path string) error {
	f := t.figure()
	return writePlot(path, f, len(f.Curves) == 0)
}
