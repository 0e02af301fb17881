package compare

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/report"
)

// Config is what the user asks for.
type Config struct {
	Backbone  runner.BackboneConfig // Path: a file or folder, or the name of an architecture (random weights)
	Batch     int
	Precision string
	Recompute string // see graph.ParseRecompute
	Methods   string // "all", or names with commas between them
	Classes   int
	Threads   int // 0: all that the process may use
	Steps     int // timed steps of each method
	Format    string
	Plot      string // "": none
	Breakdown string // a method, "" for none
	Results   string // folder with runs of one's own, "" for none
	Out       string // folder of the kept rows, "": below the user's cache
	Fresh     bool   // measure anew what is kept
}

// All stands for every method.
const All = "all"

// Methods lists all methods in the order of the table.
func Methods() []string { return dtl.TableOrder() }

// methods are those that the user asks for, in the order of the table.
func (c Config) methods() ([]string, error) {
	if c.Breakdown != "" && !slices.Contains(Methods(), c.Breakdown) {
		return nil, runner.Usagef("--breakdown %q is unknown: use one of %s", c.Breakdown, strings.Join(Methods(), ", "))
	}
	if c.Methods == All || c.Methods == "" {
		if c.Breakdown != "" {
			return []string{c.Breakdown}, nil
		}
		return Methods(), nil
	}
	var asked []string
	for name := range strings.SplitSeq(c.Methods, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(Methods(), name) {
			return nil, runner.Usagef("--methods: %q is unknown: use %s, or some of %s with commas between them", name, All, strings.Join(Methods(), ", "))
		}
		asked = append(asked, name)
	}
	if c.Breakdown != "" {
		asked = append(asked, c.Breakdown)
	}
	var list []string
	for _, name := range Methods() {
		if slices.Contains(asked, name) {
			list = append(list, name)
		}
	}
	return list, nil
}

// check refuses what cannot be before anything is measured.
func (c Config) check() error {
	if _, err := graph.ParsePrecision(c.Precision); err != nil {
		return runner.Usagef("--precision: %w", err)
	}
	if _, err := graph.ParseRecompute(c.Recompute); err != nil {
		return runner.Usagef("--recompute: %w", err)
	}
	if !slices.Contains(report.Formats(), c.Format) {
		return runner.Usagef("--format %q is unknown: use one of %s", c.Format, strings.Join(report.Formats(), ", "))
	}
	for _, n := range []struct {
		flag             string
		value, low, high int
	}{
		{"batch", c.Batch, 1, 1 << 20}, {"classes", c.Classes, 2, 1 << 20}, {"steps", c.Steps, 1, 10000}, {"threads", c.Threads, 0, 4096},
	} {
		if n.value < n.low || n.value > n.high {
			return runner.Usagef("--%s %d is not possible: choose %d to %d", n.flag, n.value, n.low, n.high)
		}
	}
	if c.Plot != "" {
		if err := checkPlot(c.Plot); err != nil {
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
	return nil
}

// checkPlot tells early, not after ten minutes of measuring, that a figure can't be written.
func checkPlot(path string) error {
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".svg" && ext != ".png" {
		return runner.Usagef("--plot %s: a figure is a .svg or a .png file, not %q", path, ext)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return runner.Usagef("--plot %s is a folder", path)
	}
	return checkWritable("--plot", filepath.Dir(path))
}

func checkWritable(flag, folder string) error {
	f, err := os.CreateTemp(folder, ".dtl-tf-*")
	if err != nil {
		return fmt.Errorf("%s: the folder %s can't be written: %w", flag, folder, plainError(err))
	}
	f.Close()
	return os.Remove(f.Name())
}
