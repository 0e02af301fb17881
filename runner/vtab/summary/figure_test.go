package summary

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// TestFigure: the mean is over the tasks of all rows, the time over their cells, and a row without a cost is named.
func TestFigure(t *testing.T) {
	folder := t.TempDir()
	cells := dtlCells()[:0]
	for _, c := range sweepCells() {
		if c.Method != "lora" && (c.Task == "cifar" || c.Task == "dtd" && c.Method != "dtl+") && c.Run != nil {
			c.Run.Measurements.ProcessorSeconds = 120
			if c.Task == "cifar" {
				c.Run.Measurements.ProcessorSeconds = 60
			}
			if c.Method == "dtl" {
				c.Run.FeatureCache = &result.FeatureCache{Used: true, FirstPassProcessorSeconds: 30}
			}
			c.StepMemory = finished(c.Task, "dtl", c.Seed, 0).StepMemory
			if c.Method == "linear" {
				c.StepMemory = nil
			}
			cells = append(cells, c)
		}
	}
	put(t, folder, cells...)
	sources, _, err := read([]string{folder})
	expect.NoError(t, err)
	f, left := build(sources, nil, nil).figure()
	if len(left) != 1 || !strings.HasPrefix(left[0], "Linear is left out") {
		t.Errorf("left out: %v", left)
	}
	if len(f.Points) != 2 || f.Filled != "mean of Cifar" || f.Points[0].Name != "DTL" || f.Points[0].Cost != [2]float64{1500, 2} || f.Points[1].Cost != [2]float64{1500, 1} || !near(f.Points[1].Up, 72.3, 1e-9) {
		t.Errorf("%+v", f)
	}
	file := filepath.Join(t.TempDir(), "f.svg")
	var ui strings.Builder
	expect.NoError(t, Run(Config{Folders: []string{folder}, Format: "csv", Plot: file}, runner.UI{Out: &strings.Builder{}, Err: &ui}))
	if svg, _ := os.ReadFile(file); !strings.Contains(string(svg), "processor minutes") || !strings.Contains(ui.String(), "Linear is left out") {
		t.Errorf("%s", ui.String())
	}
	expect.Error(t, Run(Config{Folders: []string{folder}, Format: "csv", Plot: "f.pdf"}, runner.UI{}), "--plot f.pdf")
}
