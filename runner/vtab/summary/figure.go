package summary

import (
	"fmt"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/runner"
	"dtl-tf/runner/report"
)

// minutesOf is the mean processor time of training over cells, the first pass of the feature cache included where a cell made it. It is nil
// if a cell does not record it, as those of earlier versions.
func minutesOf(cells []source) *float64 {
	sum := 0.0
	for _, c := range cells {
		if c.Run.Measurements.ProcessorSeconds == 0 {
			return nil
		}
		sum += c.Run.Measurements.ProcessorSeconds
		if k := c.Run.FeatureCache; k != nil {
			sum += k.FirstPassProcessorSeconds
		}
	}
	if len(cells) == 0 {
		return nil
	}
	minutes := sum / float64(len(cells)) / 60
	return &minutes
}

// plot writes the figure, and names the rows that have no place in it.
func (t Table) plot(path string, ui runner.UI) error {
	f, left := t.figure()
	for _, l := range left {
		ui.Note("--plot: %s", l)
	}
	if len(f.Points) == 0 {
		return fmt.Errorf("--plot %s: nothing to draw: no method has an accuracy, the memory of a step and the time of training", path)
	}
	return report.WriteDrawing(path, f)
}

// figure draws the mean accuracy of the tasks that all measured rows have against the memory of a step and the time of training. left says
// which rows it lacks, and why.
func (t Table) figure() (f report.Figure, left []string) {
	var rows []Row
	for _, r := range t.Rows {
		switch {
		case r.Quoted:
		case r.StepMemory == nil:
			left = append(left, r.Name+" is left out: its cells have no memory of a step (--step-memory)")
		case r.Minutes == nil:
			left = append(left, r.Name+" is left out: its cells have no processor time, as those of earlier versions of this program")
		default:
			rows = append(rows, r)
		}
	}
	tasks := t.commonTasks(rows)
	if len(tasks) == 0 {
		return report.Figure{}, append(left, "no task has a score of every row")
	}
	var names []string
	for _, c := range tasks {
		names = append(names, c.Name)
	}
	f = report.Figure{
		Up: "top-1 accuracy, %", Filled: "mean of " + strings.Join(names, ", "),
		Costs: [2]report.Cost{{Label: "peak memory of a step, MiB"}, {Label: "processor minutes of a training", Logarithmic: true}},
	}
	for _, r := range rows {
		mean := 0.0
		for _, c := range tasks {
			mean += r.Scores[c.Key].Mean / float64(len(tasks))
		}
		f.Points = append(f.Points, report.Point{
			Name: r.Name, Up: mean, Own: dtl.Ours(r.Method), Cost: [2]float64{float64(*r.StepMemory) / (1 << 20), *r.Minutes},
		})
	}
	return f, left
}

// commonTasks returns the columns of the tasks that all rows have a score of.
func (t Table) commonTasks(rows []Row) (common []Column) {
	for _, c := range t.Columns {
		all := c.Tasks == 1 && len(rows) > 0
		for _, r := range rows {
			_, ok := r.Scores[c.Key]
			all = all && ok
		}
		if all {
			common = append(common, c)
		}
	}
	return common
}
