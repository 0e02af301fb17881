package compare

import (
	"fmt"
	"path/filepath"
	"strings"

	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// figure makes the figure of every finished row that has an accuracy: of one's own runs, or else the quoted one.
func (c Comparison) figure() report.Figure {
	f := report.Figure{
		Accuracy: "VTAB-1k average, %",
		Memory:   fmt.Sprintf("training memory, GiB (weights, optimizer, step; batch %d, %s)", c.Settings.Batch, c.Settings.Precision),
	}
	onVTAB := true
	for _, l := range c.Rows {
		if l.Measurement == nil {
			continue
		}
		p := report.Point{
			Name: l.Quoted.Name, Parameters: float64(l.Trainable) / 1e6, Memory: float64(l.Total) / (1 << 30),
			Own: strings.HasPrefix(l.Row.Method, "dtl"),
		}
		switch {
		case l.Own != nil:
			p.Accuracy = l.Own.Top1
			onVTAB = onVTAB && l.Own.VTAB
		case l.Quoted.Groups != nil:
			p.Accuracy, p.Quoted = *l.Quoted.Groups, true
		default:
			continue
		}
		f.Points = append(f.Points, p)
	}
	if !onVTAB {
		f.Accuracy = "accuracy, % (own runs: see the table for their data sets)"
	}
	return f
}

// plot writes the figure as its name's ending says.
func (c Comparison) plot(path string) error {
	f := c.figure()
	if len(f.Points) == 0 {
		return fmt.Errorf("--plot %s: nothing to draw, no method has both a measurement and an accuracy", path)
	}
	write := f.SVG
	if strings.EqualFold(filepath.Ext(path), ".png") {
		write = f.PNG
	}
	return result.WriteFile(path, write)
}
