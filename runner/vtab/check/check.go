// Package check examines the data sets of VTAB-1k before days of training: lists against the registry, files, labels, the
// decoding of every image, and images that are both trained and tested on, found by their content.
package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/jpeg"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/finding"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/report"
)

// Config selects what is checked.
type Config struct {
	Root   string // the folder with a folder for each task
	Tasks  string // as suite.Select reads it; "" for the tasks that have a folder
	Quick  bool   // do not decode the images
	Format string // one of report.Formats
}

// Run checks the data sets and prints a table of them, followed by the findings. It returns an error if there are problems.
func Run(ctx context.Context, c Config, ui runner.UI) error {
	if !slices.Contains(report.Formats(), c.Format) {
		return runner.Usagef("--format %q is unknown, use one of %s", c.Format, strings.Join(report.Formats(), ", "))
	}
	tasks := suite.Tasks()
	if c.Tasks != "" {
		var err error
		if tasks, err = suite.Select(c.Tasks); err != nil {
			return runner.Usagef("--tasks: %w", err)
		}
	}
	if err := checkRoot(c.Root); err != nil {
		return err
	}
	var load func(string) ([]uint8, error)
	if !c.Quick {
		decoder, err := jpeg.NewDecoder(0)
		if err != nil {
			return err
		}
		defer decoder.Close()
		load = data.Images{Decoder: decoder, Size: comparedSize}.Load
	}
	s := results{root: c.Root, quick: c.Quick}
	used := map[string]bool{}
	progress := report.NewProgress(ui.Err, ui.Quiet)
	for _, task := range tasks {
		dir, err := task.Dir(c.Root)
		if err != nil && c.Tasks == "" {
			s.absent = append(s.absent, task.Folder)
			continue
		}
		if err != nil {
			missing := finding.Finding{Problem: true, Where: c.Root, Text: "no folder for the task " + task.Folder}
			s.reports = append(s.reports, Report{Task: task, Problems: 1, Findings: []finding.Finding{missing}})
			continue
		}
		used[filepath.Base(dir)] = true
		r, err := checkTask(ctx, task, dir, load, func(total int) func(int) { return progress.Task(task.Folder+": reading images", total) })
		progress.Break()
		if err != nil {
			return err
		}
		s.reports = append(s.reports, r)
	}
	if len(s.reports) == 0 {
		return fmt.Errorf("%s has no folder of a task of VTAB-1k: want folders such as cifar, eurosat, dtd with %s and so on in them%s", c.Root, trainList, misspelt(c.Root))
	}
	if c.Tasks == "" {
		s.others = otherFolders(c.Root, used)
	}
	if err := s.print(ui.Out, c.Format); err != nil {
		return err
	}
	return s.verdict()
}

// checkRoot rejects a root that cannot hold data sets.
func checkRoot(root string) error {
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the folder %s does not exist", root)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is a file: want the folder with a folder for each task", root)
	}
	for _, name := range listNames {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil {
			return fmt.Errorf("%s is a data set itself, it holds %s: give the folder above it", root, name)
		}
	}
	return nil
}

// otherFolders reports the folders of root that were not checked.
func otherFolders(root string, used map[string]bool) (list []finding.Finding) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil // the tasks' own folders were read
	}
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		info, err := os.Stat(path) // follows links
		if err != nil || !info.IsDir() || used[e.Name()] || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		why := ""
		if task, err := suite.TaskOf(e.Name()); err != nil {
			why = err.Error()
		} else {
			why = "another folder is taken for the task " + task.Folder
		}
		list = append(list, finding.Finding{Where: path, Text: "not checked: " + why})
	}
	return list
}

// misspelt lists the folders of a root without any task, with the tasks that they may be meant for.
func misspelt(root string) string {
	text := ""
	for _, f := range otherFolders(root, nil) {
		text += "\n  " + f.Where + ": " + f.Text
	}
	return text
}
