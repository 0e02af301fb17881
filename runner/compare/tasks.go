package compare

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/report"
)

// TaskMeasurement is inference for several tasks of one method on one backbone.
type TaskMeasurement struct {
	Adapter  int64      `json:"adapter_bytes"`  // of one task, classifier included
	Backbone int64      `json:"backbone_bytes"` // in memory, without the adapters
	Tasks    []TaskCost `json:"tasks"`
}

// TaskCost is the cost of N tasks in one pass, and of N separate sessions. Times are medians.
type TaskCost struct {
	Count          int     `json:"tasks"`
	Blocks         int     `json:"blocks"`       // that run for an image
	BlocksApart    int     `json:"blocks_apart"` // and apart
	Seconds        float64 `json:"seconds_per_image"`
	SecondsApart   float64 `json:"seconds_per_image_apart"` // Count times those of one predictor
	Ratio          float64 `json:"seconds_to_apart"`
	Resident       int64   `json:"resident_bytes"`       // of the process, 0 if unknown
	ResidentApart  int64   `json:"resident_bytes_apart"` // Count times what one predictor adds to an empty process, and that process
	Stored         int64   `json:"stored_bytes"`         // the adapters
	StoredBackbone int64   `json:"stored_bytes_apart"`   // a copy of the backbone for each adapter
}

// maxTasks bounds --tasks.
const maxTasks = 1000

// taskCounts are the numbers in Tasks, in ascending order.
func (c Config) taskCounts() ([]int, error) {
	for _, f := range []struct {
		flag  string
		given bool
	}{{"breakdown", c.Breakdown != ""}, {"results", c.Results != ""}, {"recompute", c.Recompute != graph.RecomputeNone}} {
		if f.given {
			return nil, runner.Usagef("--tasks and --%s contradict each other: --tasks measures no training", f.flag)
		}
	}
	for _, f := range []struct {
		flag  string
		given bool
	}{{"out", c.Out != ""}, {"fresh", c.Fresh}} {
		if f.given {
			return nil, runner.Usagef("--tasks and --%s contradict each other: --tasks measures everything anew and stores nothing", f.flag)
		}
	}
	var counts []int
	for text := range strings.SplitSeq(c.Tasks, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > maxTasks {
			return nil, runner.Usagef("--tasks %q: %q is not a number of tasks from 1 to %d", c.Tasks, text, maxTasks)
		}
		counts = append(counts, n)
	}
	slices.Sort(counts)
	return slices.Compact(counts), nil
}

// taskMethods are the methods that --tasks measures: all but those that have no adapter.
func (c Config) taskMethods() ([]string, error) {
	methods, err := c.methods()
	if err != nil {
		return nil, err
	}
	if c.Methods == runner.AllMethods {
		return slices.DeleteFunc(methods, func(name string) bool { return name == fullMethod }), nil
	}
	if slices.Contains(methods, fullMethod) {
		return nil, runner.Usagef("--tasks with the method %s: its tasks have a backbone each and share nothing", fullMethod)
	}
	return methods, nil
}

// fullMethod trains the backbone itself.
const fullMethod = "full"

// TaskComparison is the content of a table of tasks.
type TaskComparison struct {
	Settings Settings `json:"settings"`
	Rows     []Row    `json:"rows"`
	Method   string   `json:"measured_how"`
}

// runTasks measures every method in a separate process, prints the table and writes the figure.
func runTasks(ctx context.Context, c Config, ui runner.UI, start Starter) error {
	counts, err := c.taskCounts()
	if err != nil {
		return err
	}
	methods, err := c.taskMethods()
	if err != nil {
		return err
	}
	settings, err := c.settings(ctx, ui)
	if err != nil {
		return err
	}
	t := TaskComparison{Settings: settings, Method: howTasksMeasured(settings)}
	progress := report.NewProgress(ui.Err, ui.Quiet)
	defer progress.Break()
	show := progress.Work(len(methods), taskWork(counts, settings.Steps))
	for i, name := range methods {
		show(i, 0, name)
		r := request{Method: name, Backbone: c.BackboneConfig, Settings: settings, Tasks: counts}
		row, err := measureInChild(ctx, start, r, func(what string, count int) { show(i, count, name+" "+what) })
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if row.Failure != nil {
			progress.Break()
			fmt.Fprintf(ui.Err, "note: %s: %s\n", name, row.Error)
		}
		t.Rows = append(t.Rows, row)
	}
	show(len(methods), 0, "measured")
	progress.Break()
	if err := t.print(ui.Out, c.Format); err != nil {
		return err
	}
	if c.Plot != "" {
		if err := t.plot(c.Plot); err != nil {
			return err
		}
		fmt.Fprintf(ui.Err, "wrote %s\n", c.Plot)
	}
	return nil
}

func howTasksMeasured(s Settings) string {
	return fmt.Sprintf("Measured on %s: %s, batch %d, %s, %d threads, %d classes a task. Seconds are medians of %d rounds that alternate between all numbers of tasks and a single predictor; "+
		"apart is that predictor's time, and what it adds to a process, times the number of tasks. Resident is the whole process, with the weights once. "+
		"Stored is the adapters; apart each has a copy of the backbone. Adapters are of a run's start.", s.Machine, s.Backbone, s.Batch, s.Precision, s.Threads, s.Classes, s.Steps)
}

// tasksOf names the first n tasks of a measurement.
func tasksOf(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("task %d", i+1)
	}
	return names
}
