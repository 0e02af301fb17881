package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/report"
)

// Print writes the comparison, and the breakdown if there is to be one.
func (c Comparison) Print(w io.Writer, format string) error {
	var tables []report.Table
	switch {
	case format == report.JSON:
		return c.json(w)
	case format == report.Text: // two tables, because a terminal wraps a wide one
		tables = []report.Table{c.table(memoryPart, ""), c.table(timePart, c.notes())}
	case format == report.CSV && c.Breakdown != "": // one table, because programs read one from a file
	default:
		tables = []report.Table{c.table(memoryPart|timePart, c.notes())}
	}
	if c.Breakdown != "" {
		tables = append(tables, c.breakdown())
	}
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := t.Render(w, format); err != nil {
			return err
		}
	}
	return nil
}

// json omits the breakdowns of the other methods, which are long.
func (c Comparison) json(w io.Writer) error {
	c.Rows = slices.Clone(c.Rows)
	for i, r := range c.Rows {
		if r.Measurement != nil && r.Method != c.Breakdown {
			m := *r.Measurement
			m.Breakdown = nil
			c.Rows[i].Measurement = &m
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(c)
}

// part is a part of the table for people.
type part int

const (
	memoryPart part = 1 << iota
	timePart
	optional // only if a row has a value
)

// field is a column of the table, the parts that it belongs to, and its value, nil if unknown.
type field struct {
	report.Column
	part  part
	value func(l Line) any
}

// of makes a value that is unknown for lines without a T.
func of[T any](get func(Line) *T, value func(*T) any) func(Line) any {
	return func(l Line) any {
		if v := get(l); v != nil {
			return value(v)
		}
		return nil
	}
}

func (l Line) measurement() *Measurement { return l.Measurement }
func (l Line) quoted() *published.Quote  { return l.Quoted }

func (l Line) ratios() *Ratios {
	if l.Measurement == nil {
		return nil
	}
	return l.Ratios
}

func (l Line) gpu() *GPUBytes {
	if l.Measurement == nil {
		return nil
	}
	return l.GPU
}

// percent formats a ratio.
func percent(v any) string {
	f, _ := v.(float64)
	return fmt.Sprintf("%.0f %%", 100*f)
}

func fields() []field {
	column := func(key, title string, text func(any) string) report.Column {
		return report.Column{Key: key, Title: title, Right: true, Text: text}
	}
	data := func(key string) report.Column { return report.Column{Key: key, Data: true} }
	return []field{
		{report.Column{Key: "method", Title: "method"}, memoryPart | timePart, func(l Line) any { return l.Row.Method }},
		{column("trainable_parameters", "trainable\nparameters", report.Used), memoryPart, of(Line.measurement, func(m *Measurement) any { return report.Trainable{Declared: m.Trainable, Unused: m.Unused} })},
		{data("classifier_parameters"), memoryPart, of(Line.measurement, func(m *Measurement) any { return m.Classifier })},
		{column("weights_bytes", "weights\nMiB", report.MiB), memoryPart, of(Line.measurement, func(m *Measurement) any { return m.Weights })},
		{column("optimizer_bytes", "optimizer\nMiB", report.MiB), memoryPart, of(Line.measurement, func(m *Measurement) any { return m.Optimizer })},
		{column("activations_peak_bytes", "activations\npeak MiB", report.MiB), memoryPart, of(Line.measurement, func(m *Measurement) any { return m.Activations })},
		{column("gradients_peak_bytes", "gradients\npeak MiB", report.MiB), memoryPart, of(Line.measurement, func(m *Measurement) any { return m.Gradients })},
		{column("peak_step_bytes", "step peak\nMiB", report.MiB), memoryPart, of(Line.measurement, func(m *Measurement) any { return m.Peak })},
		{column("peak_step_to_full", "of\nFull", percent), memoryPart | optional, of(Line.ratios, func(r *Ratios) any { return r.Peak })},
		{column("training_bytes", "total\nMiB", report.MiB), memoryPart, of(Line.measurement, func(m *Measurement) any { return m.Total })},
		{column("training_to_full", "of\nFull", percent), memoryPart | optional, of(Line.ratios, func(r *Ratios) any { return r.Total })},
		{column("gpu_peak_step_bytes", "GPU step\npeak MiB", report.MiB), memoryPart | optional, of(Line.gpu, func(g *GPUBytes) any { return report.OrNil(g.Peak) })},
		{column("gpu_process_bytes", "GPU process\n(NVML) MiB", report.MiB), memoryPart | optional, of(Line.gpu, func(g *GPUBytes) any { return report.OrNil(g.Process) })},
		{column("seconds_per_step", "s/step\nmedian", report.Significant), timePart, of(Line.measurement, func(m *Measurement) any { return m.SecondsPerStep })},
		{column("spread", "min to\nmax", nil), timePart, of(Line.measurement, func(m *Measurement) any {
			return report.Significant(m.Spread.Min) + "–" + report.Significant(m.Spread.Max)
		})},
		{column("step_to_full", "of\nFull", percent), timePart | optional, of(Line.ratios, func(r *Ratios) any { return r.Time })},
		{column("train_images_per_second", "training\nimages/s", report.Significant), timePart, of(Line.measurement, func(m *Measurement) any { return m.TrainRate })},
		{column("inference_images_per_second", "inference\nimages/s", report.Significant), timePart, of(Line.measurement, func(m *Measurement) any { return m.InferRate })},
		{column("own_top1", "own\ntop-1 %", report.Fixed(2)), timePart | optional, of(func(l Line) *Own { return l.Own }, func(o *Own) any { return o.Top1 })},
		{column("quoted_parameters_millions", "quoted*\nparam. M", nil), timePart | optional, of(Line.quoted, func(q *published.Quote) any { return report.Deref(q.Parameters) })},
		{column("quoted_gpu_memory_gb", "quoted*\nGPU GB", nil), timePart | optional, of(Line.quoted, func(q *published.Quote) any { return report.Deref(q.GPUMemory) })},
		{column("quoted_vtab_mean_of_groups", "quoted*\nVTAB %", nil), timePart | optional, of(Line.quoted, func(q *published.Quote) any { return report.Deref(q.Groups) })},
		{data("quoted_source"), timePart, of(Line.quoted, func(q *published.Quote) any { return report.OrNil(q.Source) })},
		{data("quoted_memory_source"), timePart, of(Line.quoted, func(q *published.Quote) any { return report.OrNil(q.MemorySource) })},
		{data("error"), timePart, of(func(l Line) *Failure { return l.Failure }, func(f *Failure) any { return f.Error })},
	}
}

// table returns the parts of the table. Tables for people leave out optional columns without a value.
func (c Comparison) table(p part, note string) report.Table {
	t := report.Table{Note: note, Rows: make([][]any, len(c.Rows))}
	for _, f := range fields() {
		if f.part&p == 0 {
			continue
		}
		empty := true
		for i, l := range c.Rows {
			value := f.value(l)
			empty = empty && value == nil
			t.Rows[i] = append(t.Rows[i], value)
		}
		f.Data = f.Data || empty && f.part&optional != 0
		t.Columns = append(t.Columns, f.Column)
	}
	return t
}

// breakdown returns the table of the buffers that are alive at the peak.
func (c Comparison) breakdown() report.Table {
	t := report.Table{Columns: []report.Column{
		{Key: "total_bytes", Title: "MiB", Right: true, Text: report.MiB},
		{Key: "share", Title: "of the\npeak", Right: true, Text: percent},
		{Key: "count", Title: "buffers", Right: true},
		{Key: "bytes", Title: "of\nMiB", Right: true, Text: report.MiB},
		{Key: "kind", Title: "kind"},
		{Key: "shape", Title: "shape"},
		{Key: "op", Title: "op"},
		{Key: "node", Title: "node"},
	}}
	for _, l := range c.Rows {
		if l.Row.Method != c.Breakdown || l.Measurement == nil {
			continue
		}
		sum := int64(0)
		for _, b := range l.Measurement.Breakdown {
			t.Rows = append(t.Rows, []any{b.Total(), float64(b.Total()) / float64(l.Peak), b.Count, b.Bytes, string(b.Kind), shape(b.Type, b.Shape), b.Op, b.Node})
			sum += b.Total()
		}
		t.Note = fmt.Sprintf("Alive at the peak of a step with %s: %s of %s MiB are listed. A buffer goes by the node that wrote it last; block_* stands for one a block.",
			c.Breakdown, report.MiB(sum), report.MiB(l.Peak))
	}
	return t
}

// shape formats a tensor as "float [8, 197, 768]". Memory that belongs to no tensor is "temporary".
func shape(kind string, dims []int) string {
	if dims == nil {
		return "temporary"
	}
	return kind + " " + strings.ReplaceAll(fmt.Sprint(dims), " ", ", ")
}
