package compare

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// Config holds the settings of a comparison.
type Config struct {
	runner.BackboneConfig // Path: a file or folder, or the name of an architecture (random weights)
	runner.StepConfig
	Methods   string // as runner.ParseMethods takes them
	Classes   int
	Steps     int // timed steps of each method
	Format    string
	Plot      string // file of a figure, "": none
	Breakdown string // a method, "": none
	Results   string // folder with the user's own runs, "": none
	Out       string // folder of the stored rows, "": below the user's cache
	Fresh     bool   // measure stored rows anew
	Tasks     string // numbers of tasks on one backbone, "": compare training
}

// Default returns the settings of a comparison without flags.
func Default() Config {
	return Config{
		BackboneConfig: runner.BackboneConfig{Path: quotedBackbone}, Methods: runner.AllMethods, Classes: 100, Steps: 5, Format: report.Text,
		StepConfig: runner.StepConfig{Batch: 32, Precision: graph.FP32, Recompute: graph.RecomputeNone},
	}
}

// Groups of settings on the help page.
const (
	GroupMeasured = "What is measured"
	GroupOutput   = "Output"
)

// Settings describes the fields that have a flag, in the order of the help page.
func (c *Config) Settings() []runner.Setting {
	batch, threads := runner.BatchSetting(&c.Batch), runner.ThreadsSetting(&c.Threads)
	batch.Group, batch.Help = GroupMeasured, "`images` per step; the program never lowers it"
	return []runner.Setting{
		{Name: "backbone", Group: GroupMeasured, Value: &c.Path, Help: "`name` of an architecture, or a file, a SavedModel folder or hf:OWNER/NAME[@REVISION]"},
		{Name: "methods", Group: GroupMeasured, Value: &c.Methods, Help: "`methods`: all, or a comma-separated list of " + strings.Join(dtl.TableOrder(), ", ")},
		batch,
		{Name: "classes", Group: GroupMeasured, Value: &c.Classes, Min: 2, Max: 1 << 20, Help: "number of `classes` of the classifier"},
		{
			Name: "recompute", Group: GroupMeasured, Value: (*string)(&c.Recompute), OneOf: graph.Recomputes(),
			Help: "what the backward pass recomputes to save memory, `none|activations|blocks|gelu2bit` (none saves the activations that PyTorch saves; gelu2bit too, but of the backbone's GELUs 2 bits a value, with APPROXIMATE gradients)",
		},
		{
			Name: "precision", Group: GroupMeasured, Value: (*string)(&c.Precision), OneOf: graph.Precisions(),
			Help: "`precision` of matrix products: " + strings.Join(graph.Precisions(), ", "),
		},
		{Name: "steps", Group: GroupMeasured, Value: &c.Steps, Min: 1, Max: 10000, Help: "timed `steps`, after two warm-up steps"},
		{Name: "tasks", Group: GroupMeasured, Value: &c.Tasks, Help: "instead of training, measure inference for these `numbers` of tasks on one backbone, such as 1,2,5,10,20: in one pass and apart"},
		{Name: "format", Group: GroupOutput, Value: &c.Format, OneOf: report.Formats(), Help: "`format`: " + strings.Join(report.Formats(), ", ")},
		{Name: "plot", Group: GroupOutput, Value: &c.Plot, Help: "write a figure of accuracy against parameters and memory to this .svg or .png `file`"},
		{Name: "breakdown", Group: GroupOutput, Value: &c.Breakdown, Help: "show the largest tensors at the peak of this `method`; measures only this one unless --methods is given"},
		{Name: "results", Group: GroupOutput, Value: &c.Results, Help: "`folder` with your own runs, to show their accuracies too"},
		{Name: "out", Group: GroupOutput, Value: &c.Out, Help: "`folder` for finished rows (default: dtl-tf/compare in the user's cache folder)"},
		{Name: "fresh", Group: GroupOutput, Value: &c.Fresh, Help: "measure stored rows anew"},
		threads,
	}
}

// methods returns the methods to measure, in the order of the table.
func (c Config) methods() ([]string, error) {
	if c.Breakdown != "" && !slices.Contains(dtl.TableOrder(), c.Breakdown) {
		return nil, runner.Unknown("breakdown", c.Breakdown, dtl.TableOrder())
	}
	if c.Methods == "" || c.Methods == runner.AllMethods && c.Breakdown != "" {
		c.Methods = cmp.Or(c.Breakdown, runner.AllMethods)
	}
	chosen, err := runner.ParseMethods(c.Methods)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(dtl.TableOrder(), func(name string) bool { return !slices.Contains(chosen, name) && name != c.Breakdown }), nil
}

// check validates the settings before anything is measured.
func (c Config) check() error {
	if err := runner.Check(c.Settings()); err != nil {
		return err
	}
	if c.Tasks != "" {
		if _, err := c.taskCounts(); err != nil {
			return err
		}
	}
	if c.Results != "" {
		if info, err := os.Stat(c.Results); err != nil {
			return runner.Usagef("--results: %w", err)
		} else if !info.IsDir() {
			return runner.Usagef("--results %s is a file: name the folder that the runs are in", c.Results)
		}
	}
	return checkPlot(c.Plot)
}

// checkPlot returns an error for a figure that could not be written after minutes of measuring.
func checkPlot(path string) error {
	if path == "" {
		return nil
	}
	if !report.IsDrawing(path) {
		return runner.Usagef("--plot %s: a figure is a .svg or a .png file, not %q", path, filepath.Ext(path))
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return runner.Usagef("--plot %s is a folder", path)
	}
	return checkWritable("--plot", filepath.Dir(path))
}

func checkWritable(flag, folder string) error {
	f, err := os.CreateTemp(folder, ".dtl-tf-*")
	if err != nil {
		return fmt.Errorf("%s: the folder %s can't be written: %w", flag, folder, result.Bare(err))
	}
	f.Close()
	return os.Remove(f.Name())
}
