package report

import (
	"io"
	"path/filepath"
	"strings"

	"dtl-tf/runner/result"
)

// Drawing is a figure that can be written in two formats.
type Drawing interface {
	SVG(w io.Writer) error
	PNG(w io.Writer) error
}

// IsDrawing tells whether the ending of a path is that of one of the formats.
func IsDrawing(path string) bool {
	ending := strings.ToLower(filepath.Ext(path))
	return ending == ".svg" || ending == ".png"
}

// WriteDrawing writes a figure in the format of the path's ending.
func WriteDrawing(path string, d Drawing) error {
	if strings.EqualFold(filepath.Ext(path), ".png") {
		return result.WriteFile(path, d.PNG)
	}
	return result.WriteFile(path, d.SVG)
}
