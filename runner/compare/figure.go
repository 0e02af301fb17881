package compare

import (
	"fmt"

	"dtl-tf/dtl"
	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/report"
)

// figure draws every finished row that has an accuracy, that of the user's own runs or the quoted one. If no row has an accuracy,
// as on backbones without quoted numbers, it shows the time of a step instead.
func (c Comparison) figure() report.Figure {
	f := report.Figure{
		Up: "VTAB-1k average, %", Filled: "accuracy of own runs",
		Costs: [2]report.Cost{
			{Label: "trainable parameters, millions", Logarithmic: true},
			{Label: fmt.Sprintf("training memory, GiB (batch %d, %s)", c.Settings.Batch, c.Settings.Precision)},
		},
	}
	timed := report.Figure{Up: "seconds a step", Filled: "all measured on this machine", Costs: f.Costs}
	onVTAB := true
	for _, l := range c.Rows {
		if l.Measurement == nil {
			continue
		}
		p := report.Point{
			Name: published.Of(l.Row.Method).Name, Own: dtl.Ours(l.Row.Method), Up: l.SecondsPerStep,
			Cost: [2]float64{float64(l.Trainable) / 1e6, float64(l.Total) / (1 << 30)},
		}
		timed.Points = append(timed.Points, p)
		switch {
		case l.Own != nil:
			p.Up = l.Own.Top1
			onVTAB = onVTAB && l.Own.VTAB
		case l.Quoted != nil && l.Quoted.Groups != nil:
			p.Up, p.Quoted = *l.Quoted.Groups, true
		default:
			continue
		}
		f.Points = append(f.Points, p)
	}
	if len(f.Points) == 0 {
		return timed
	}
	if !onVTAB {
		f.Up = "accuracy, % (own data sets: see the table)"
	}
	return f
}

// plot writes the figure in the format of the file's ending.
func (c Comparison) plot(path string) error {
	f := c.figure()
	return writePlot(path, f, len(f.Points) == 0)
}
