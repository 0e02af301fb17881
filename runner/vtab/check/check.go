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
	"dtl-tf/runner/report"
	"dtl-tf/runner/suite"
)

// Config says what is checked.
type Config struct {
	Root   string // the folder with a folder for each task
	Tasks  string // as suite.Select reads it; "" for those that are there
	Quick  bool   // leave out decoding the images
	Format string // one of report.Formats
}

// Run checks the data sets and prints a table of them with what was found below it. Problems make an error.
func Run(ctx context.Context, c Config, ui runner.UI) error {
	if !slices.Contains(report.Formats(), c.Format) {
		return runner.Usagef("--format %q is unknown, use one of %s", c.Format, strings.Join(report.Formats(), ", "))
	}
	tasks, err := wanted(c.Tasks)
	if err != nil {
		return err
	}
	if err := rootOf(c.Root); err != nil {
		return err
	}
	var load func(string) ([]uint8, error)
	if !c.Quick {
		decoder, err := jpeg.NewDecoder(0)
		if err != nil {
			return err
		}
		defer decoder.Close()
		load = data.Images{Decoder: decoder, Size: seenSize}.Load
	}
	s := summary{root: c.Root, quick: c.Quick}
	used := map[string]bool{}
	progress := report.NewProgress(ui.Err, ui.Quiet)
	for _, task := range tasks {
		dir, err := task.Dir(c.Root)
		if err != nil && c.Tasks == "" {
			s.absent = append(s.absent, task.Folder)
			continue
		}
		if err != nil {
			s.reports = append(s.reports, Report{Task: task, Problems: 1, Findings: []Finding{{true, c.Root, fmt.Sprintf("no folder for the task %s", task.Folder)}}})
			continue
		}
		used[filepath.Base(dir)] = true
		r, err := one(ctx, task, dir, load, func(total int) func(int) { return progress.Task(task.Folder+": reading images", total) })
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
		s.others = others(c.Root, used)
	}
	if err := s.print(ui.Out, c.Format); err != nil {
		return err
	}
	return s.verdict()
}

func wanted(text string) ([]suite.Task, error) {
	if text == "" {
		return suite.Tasks(), nil
	}
	tasks, err := suite.Select(text)
	if err != nil {
		return nil, runner.Usagef("--tasks: %w", err)
	}
	return tasks, nil
}

func rootOf(root string) error {
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the folder %s does not exist", root)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is a file: want the folder with a folder for each task", root)
	}
	for _, name := range lists() {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil {
			return fmt.Errorf("%s is a data set itself, it holds %s: give the folder above it", root, name)
		}
	}
	return nil
}

// others tells of folders that no task was found in.
func others(root string, used map[string]bool) (list []Finding) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil // the tasks' own folders were read
	}
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(root, e.Name())) // through links
		if err != nil || !info.IsDir() || used[e.Name()] || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(root, e.Name())
		if task, err := suite.TaskOf(e.Name()); err != nil {
			list = append(list, Finding{false, path, fmt.Sprintf("not checked: %v", err)})
		} else {
			list = append(list, Finding{false, path, fmt.Sprintf("not checked: another folder is taken for the task %s", task.Folder)})
		}
	}
	return list
}

// misspelt is what the folders of a root without any task could have been meant for.
func misspelt(root string) string {
	text := ""
	for _, f := range others(root, nil) {
		text += "\n  " + f.Where + ": " + f.Text
	}
	return text
}
