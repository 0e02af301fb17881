package compare

import (
	"fmt"

	"dtl-tf/runner/report"
)

// writePlot writes a figure in the format of the file's ending. empty tells that no method has a measurement.
func writePlot(path string, f report.Drawing, empty bool) error {
	if empty {
		return fmt.Errorf("--plot %s: nothing to draw, no method has a measurement", path)
	}
	return report.WriteDrawing(path, f)
}
