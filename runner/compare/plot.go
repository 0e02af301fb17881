package compare

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"dtl-tf/runner/result"
)

// drawing is a figure of package report.
type drawing interface {
	SVG(w io.Writer) error
	PNG(w io.Writer) error
}

// writePlot writes a figure in the format of the file's ending. empty tells that no method has a measurement.
func writePlot(path string, f drawing, empty bool) error {
	if empty {
		return fmt.Errorf("--plot %s: nothing to draw, no method has a measurement", path)
	}
	write := f.SVG
	if strings.EqualFold(filepath.Ext(path), ".png") {
		write = f.PNG
	}
	return result.WriteFile(path, write)
}
