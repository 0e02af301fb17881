package summary

import (
	"strings"
	"testing"

	"dtl-tf/runner/internal/origin"
)

// TestOrigin: a table says which images are VTAB-1k's and which are not, once for all seeds and rows.
func TestOrigin(t *testing.T) {
	dir := t.TempDir()
	cells := dtlCells()
	for i := range cells {
		switch cells[i].Task {
		case "caltech101":
			cells[i].Run.Data.Origin = "not official: a substitute"
		case "sun397":
			cells[i].Run.Data.Origin = "official lists, other pixels: scaled"
		case "dtd", "svhn":
			cells[i].Run.Data.Origin = origin.Official
		}
	}
	put(t, dir, cells...)
	for _, format := range []string{"table", "markdown", "latex", "json"} {
		out, _, err := runTable(t, Config{Format: format}, dir)
		if err != nil {
			t.Fatal(err)
		}
		flat := strings.Join(strings.Fields(out), " ")
		for _, text := range []string{"Images of caltech101: not official: a substitute.", "Images of sun397: official lists, other pixels: scaled.", "Images of dtd, svhn: official lists and pixels."} {
			if strings.Count(flat, text) != 1 {
				t.Errorf("%s: %q is there %d times:\n%s", format, text, strings.Count(flat, text), out)
			}
		}
	}
}
