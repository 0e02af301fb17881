package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"dtl-tf/runner/published"
	"dtl-tf/runner/report"
)

// Print writes the comparison, and the breakdown if one was asked for.
func (c Comparison) Print(w io.Writer, format string) error {
	if format == report.JSON {
		return c.json(w)
	}
	if c.Breakdown != "" && format == report.CSV { // two tables in one file could be read by nothing
		return c.breakdown().Render(w, format)
	}
	switch format {
	case report.Text: // two narrow tables: a terminal wraps a wide one
		if err := c.table(memoryPart, "").Render(w, format); err != nil {
			return err
		}
		fmt.Fprintln(w)
		if err := c.table(timePart, c.notes()).Render(w, format); err != nil {
			return err
		}
	default:
		if err := c.table(memoryPart|timePart, c.notes()).Render(w, format); err != nil {
			return err
		}
	}
	if c.Breakdown == "" {
		return nil
	}
	fmt.Fprintln(w)
	return c.breakdown().Render(w, format)
}

// json drops breakdowns that were not asked for: they are long.
func (c Comparison) json(w io.Writer) error {
	rows := slices.Clone(c.Rows)
	for i, r := range rows {
		if r.Measurement != nil && r.Method != c.Breakdown {
			m := *r.Measurement
			m.Breakdown = nil
			rows[i].Measurement = &m
		}
	}
	c.Rows = rows
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(c)
}

// part is a half of the table.
type part int

const (
	memoryPart part = 1 << iota
	timePart
)

// field is one column with the part that shows it to people and the way to its value. A value of nil is not known.
type field struct {
	report.Column
	part  part
	value func(l Line) any
}

// measured makes a value that only finished rows have.
func measured(value func(m *Measurement) any) func(Line) any {
	return func(l Line) any {
		if l.Measurement == nil {
			return nil
		}
		return value(l.Measurement)
	}
}

func toFull(value func(r *Ratios) float64) func(Line) any {
	return measured(func(m *Measurement) any {
		if m.Ratios == nil {
			return nil
		}
		return value(m.Ratios)
	})
}

func onGPU(value func(g *GPUBytes) int64) func(Line) any {
	return measured(func(m *Measurement) any {
		if m.GPU == nil || value(m.GPU) == 0 {
			return nil
		}
		return value(m.GPU)
	})
}

// quoted makes a value that only rows on the backbone of the papers have.
func quoted(value func(q *published.Quote) any) func(Line) any {
	return func(l Line) any {
		if l.Quoted == nil {
			return nil
		}
		return value(l.Quoted)
	}
}

func known(v *float64) any {
	if v == nil {
		return nil
	}
	return *v
}

// mebibytes shows bytes; what is less than a tenth shows as such instead of as nothing.
func mebibytes(v any) string {
	n, _ := v.(int64)
	m := float64(n) / (1 << 20)
	switch {
	case n == 0:
		return "0"
	case m < 0.05:
		return "<0.1"
	case m < 10:
		return fmt.Sprintf("%.1f", m)
	}
	return report.Thousands(int64(m + 0.5))
}

func fields() []field {
	number := func(key, title string, text func(any) string) report.Column {
		return report.Column{Key: key, Title: title, Right: true, Text: text}
	}
	data := func(key string) report.Column { return report.Column{Key: key, Data: true} }
	both := memoryPart | timePart
	return []field{
		{report.Column{Key: "method", Title: "method"}, both, func(l Line) any { return l.Row.Method }},
		{number("trainable_parameters", "trainable\nparameters", report.Thousands), memoryPart, measured(func(m *Measurement) any { return m.Trainable })},
		{data("classifier_parameters"), both, measured(func(m *Measurement) any { return m.Classifier })},
		{number("weights_bytes", "weights\nMiB", mebibytes), memoryPart, measured(func(m *Measurement) any { return m.Weights })},
		{number("optimizer_bytes", "optimizer\nMiB", mebibytes), memoryPart, measured(func(m *Measurement) any { return m.Optimizer })},
		{number("activations_peak_bytes", "activations\npeak MiB", mebibytes), memoryPart, measured(func(m *Measurement) any { return m.Activations })},
		{number("gradients_peak_bytes", "gradients\npeak MiB", mebibytes), memoryPart, measured(func(m *Measurement) any { return m.Gradients })},
		{number("peak_step_bytes", "step peak\nMiB", mebibytes), memoryPart, measured(func(m *Measurement) any { return m.Peak })},
		{number("peak_step_to_full", "of\nFull", percent), memoryPart, toFull(func(r *Ratios) float64 { return r.Peak })},
		{number("training_bytes", "total\nMiB", mebibytes), memoryPart, measured(func(m *Measurement) any { return m.Total })},
		{number("training_to_full", "of\nFull", percent), memoryPart, toFull(func(r *Ratios) float64 { return r.Total })},
		{number("gpu_peak_step_bytes", "GPU step\npeak MiB", mebibytes), memoryPart, onGPU(func(g *GPUBytes) int64 { return g.Peak })},
		{number("gpu_process_bytes", "GPU process\n(NVML) MiB", mebibytes), memoryPart, onGPU(func(g *GPUBytes) int64 { return g.Process })},
		{number("seconds_per_step", "s/step\nmedian", report.Significant), timePart, measured(func(m *Measurement) any { return m.SecondsPerStep })},
		{report.Column{Key: "spread", Title: "min to\nmax", Right: true}, timePart, measured(func(m *Measurement) any {
			return report.Significant(m.Spread.Min) + "–" + report.Significant(m.Spread.Max)
		})},
		{number("step_to_full", "of\nFull", percent), timePart, toFull(func(r *Ratios) float64 { return r.Time })},
		{number("train_images_per_second", "training\nimages/s", report.Significant), timePart, measured(func(m *Measurement) any { return m.TrainRate })},
		{number("inference_images_per_second", "inference\nimages/s", report.Significant), timePart, measured(func(m *Measurement) any { return m.InferRate })},
		{number("own_top1", "own\ntop-1 %", report.Fixed(2)), timePart, func(l Line) any {
			if l.Own == nil {
				return nil
			}
			return l.Own.Top1
		}},
		{number("quoted_parameters_millions", "quoted*\nparam. M", nil), timePart, quoted(func(q *published.Quote) any { return known(q.Parameters) })},
		{number("quoted_gpu_memory_gb", "quoted*\nGPU GB", nil), timePart, quoted(func(q *published.Quote) any { return known(q.GPUMemory) })},
		{number("quoted_vtab_mean_of_groups", "quoted*\nVTAB %", nil), timePart, quoted(func(q *published.Quote) any { return known(q.Groups) })},
		{data("quoted_source"), timePart, quoted(func(q *published.Quote) any { return orNil(q.Source) })},
		{data("quoted_memory_source"), timePart, quoted(func(q *published.Quote) any { return orNil(q.MemorySource) })},
		{data("error"), both, func(l Line) any {
			if l.Failure == nil {
				return nil
			}
			return l.Failure.Error
		}},
	}
}

func percent(v any) string {
	f, _ := v.(float64)
	return fmt.Sprintf("%.0f %%", 100*f)
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// optional columns are left out for people where no row has a value.
var optional = []string{"gpu_peak_step_bytes", "gpu_process_bytes", "own_top1", "peak_step_to_full", "training_to_full", "step_to_full",
	"quoted_parameters_millions", "quoted_gpu_memory_gb", "quoted_vtab_mean_of_groups"}

func (c Comparison) table(p part, note string) report.Table {
	t := report.Table{Note: note, Rows: make([][]any, len(c.Rows))}
	for _, f := range fields() {
		if f.part&p == 0 {
			continue
		}
		cells := make([]any, len(c.Rows))
		empty := true
		for i, l := range c.Rows {
			cells[i] = f.value(l)
			empty = empty && cells[i] == nil
		}
		if empty && slices.Contains(optional, f.Key) {
			f.Data = true
		}
		t.Columns = append(t.Columns, f.Column)
		for i := range t.Rows {
			t.Rows[i] = append(t.Rows[i], cells[i])
		}
	}
	return t
}

// breakdown is the table of what was alive at the peak.
func (c Comparison) breakdown() report.Table {
	t := report.Table{Columns: []report.Column{
		{Key: "total_bytes", Title: "MiB", Right: true, Text: mebibytes},
		{Key: "share", Title: "of the\npeak", Right: true, Text: percent},
		{Key: "count", Title: "buffers", Right: true},
		{Key: "bytes", Title: "of\nMiB", Right: true, Text: mebibytes},
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
			c.Breakdown, mebibytes(sum), mebibytes(l.Peak))
	}
	return t
}

// shape is "float [8, 197, 768]", and "temporary" for memory that is no output.
func shape(kind string, dims []int) string {
	if dims == nil {
		return "temporary"
	}
	return kind + " " + strings.ReplaceAll(fmt.Sprint(dims), " ", ", ")
}
