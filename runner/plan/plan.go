// Package plan is 'dtl-tf plan': the memory of a run for each way to run a step, the size of its feature cache and, from a few
// measured steps, its time.
package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/report"
)

// The formats of a plan.
const (
	Text = "text"
	JSON = "json"
)

// Config holds the settings of the command.
type Config struct {
	finetune.Config
	Measure bool   // train a few steps to tell the time
	Format  string // Text or JSON
}

// Run prints the plan of a run.
func Run(ctx context.Context, c Config, ui runner.UI) error {
	if formats := []string{Text, JSON}; !slices.Contains(formats, c.Format) {
		return runner.Unknown("format", c.Format, formats)
	}
	p, err := finetune.Foresee(ctx, c.Config, c.Measure, ui.Note)
	if err != nil {
		return err
	}
	if c.Format == JSON {
		raw, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(ui.Out, "%s\n", raw)
		return err
	}
	return write(ui.Out, p, c.Memory)
}

// write prints a plan for people.
func write(w io.Writer, p finetune.Preview, memory string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, method %s, %s, batch %d\n", p.Backbone, p.Method, p.Precision, p.Batch)
	fmt.Fprintf(&b, "%s images, %d classes, %s: %s %s\n\n", report.Thousands(p.Images), p.Classes, report.Count(p.Epochs, "epoch"), report.Thousands(p.Steps), report.Plural(p.Steps, "step"))
	writeModes(&b, p, memory)
	fmt.Fprintf(&b, "\nThe process with --recompute %s: %s.\n", p.Modes[0].Recompute, finetune.Parts(p.Modes[0].Need))
	switch c := p.Cache; {
	case c == nil:
		b.WriteString("Feature cache: off.\n")
	case c.Without != "":
		fmt.Fprintf(&b, "Feature cache: none (%s).\n", c.Without)
	default:
		fmt.Fprintf(&b, "Feature cache: %s on the disk, %s an image.\n", report.Bytes(c.Bytes), report.Bytes(c.PerImage))
	}
	if pick := p.Pick; pick != nil {
		fmt.Fprintf(&b, "fine-tune --memory %s takes %s: %s.\n", memory, settings(graph.Recompute(pick.Recompute), pick.MicroBatch), report.Bytes(pick.Need.Total()))
	} else if p.Limit > 0 {
		fmt.Fprintf(&b, "fine-tune --memory %s refuses: nothing fits.\n", memory)
	}
	if t := p.Time; t != nil {
		fmt.Fprintf(&b, "Time with %s: %s, which is %s.\nCheckpoints and the report are not counted, and images that can't be read are.\n",
			settings(graph.Recompute(t.Recompute), t.Micro), duration(t.Total), timeParts(p))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// timeParts lists what the time of a run is made of.
func timeParts(p finetune.Preview) string {
	t := p.Time
	from := "images"
	if t.Stored {
		from = "stored values"
	}
	list := []string{
		"start " + duration(t.Start),
		"reading images " + duration(t.Reading),
	}
	if t.Stored {
		list = append(list, "first pass of the feature cache "+duration(t.FirstPass))
	}
	list = append(list, fmt.Sprintf("%s steps on %s at %s each %s", report.Thousands(p.Steps), from, duration(t.Step), duration(t.Training)))
	if t.LookCount > 0 {
		list = append(list, fmt.Sprintf("%s looks at %s validation images %s", report.Thousands(t.LookCount), report.Thousands(t.Looked), duration(t.Looks)))
	}
	if t.Tested > 0 {
		list = append(list, fmt.Sprintf("evaluation of %s test images %s", report.Thousands(t.Tested), duration(t.Evaluation)))
	}
	return strings.Join(list, ", ")
}

// duration is a time in seconds in words, with two digits below ten seconds.
func duration(seconds float64) string {
	switch {
	case seconds < 0.1:
		return fmt.Sprintf("%.2gms", 1000*seconds)
	case seconds < 10:
		return fmt.Sprintf("%.1fs", seconds)
	}
	return report.Duration(time.Duration(seconds * float64(time.Second)))
}

// writeModes prints a line for each recompute mode.
func writeModes(b *strings.Builder, p finetune.Preview, memory string) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "--recompute\tpeak of a step\twhole process, at most")
	if p.Limit > 0 {
		fmt.Fprintf(t, "\t--micro-batch that fits %s", memory)
	}
	fmt.Fprintln(t)
	for _, m := range p.Modes {
		fmt.Fprintf(t, "%s\t%s\t%s", m.Recompute, report.Bytes(m.Peak), report.Bytes(m.Process))
		if p.Limit > 0 {
			fmt.Fprintf(t, "\t%s", fits(m))
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush() // to a strings.Builder
}

func fits(m finetune.Mode) string {
	if len(m.Fits) == 0 {
		return "none: the smallest takes " + report.Bytes(m.Smallest)
	}
	sizes := make([]string, len(m.Fits))
	for i, n := range m.Fits {
		sizes[i] = fmt.Sprint(n)
	}
	return strings.Join(sizes, ", ")
}

// settings are the settings of a step as the user types them.
func settings(r graph.Recompute, micro int) string {
	if micro == 0 {
		return "--recompute " + string(r)
	}
	return fmt.Sprintf("--recompute %s --micro-batch %d", r, micro)
}
