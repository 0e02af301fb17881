package tabulate

import (
	"fmt"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/report"
)

// Printer prints the table of a benchmark.
type Printer[S Source] struct {
	Read func(folders []string) (cells []S, bad []error, err error) // calls Gather

	// Print prints the table of cells. bad are the files that are left out, which the table may name.
	Print func(cells []S, bad []error) error

	// None is the error for folders without results, with %s for the folders.
	None string
}

// Check returns a UsageError if a format is none of report.PaperFormats, or if there are no folders.
func Check(format string, folders []string) error {
	if !slices.Contains(report.PaperFormats(), format) {
		return runner.Unknown("format", format, report.PaperFormats())
	}
	return CheckFolders(folders)
}

// CheckFolders returns a UsageError if there are no folders.
func CheckFolders(folders []string) error {
	if len(folders) == 0 {
		return runner.Usagef("give the folder with the results, or several")
	}
	return nil
}

// CheckPlot returns a UsageError if a figure can't have the name of a file. "" is none.
func CheckPlot(path string) error {
	if path != "" && !report.IsDrawing(path) {
		return runner.Usagef("--plot %s: the ending must be .svg or .png", path)
	}
	return nil
}

// Run reads the cells in the folders and prints their table. It names unreadable files on ui.Err, leaves them out, and returns an
// error after printing the table.
func (p Printer[S]) Run(folders []string, ui runner.UI) error {
	cells, bad, err := p.Read(folders)
	for _, b := range bad {
		fmt.Fprintf(ui.Err, "left out: %v\n", b)
	}
	if err != nil {
		return err
	}
	if len(cells) == 0 && len(bad) == 0 {
		return fmt.Errorf(p.None, strings.Join(folders, ", "))
	}
	if err := p.Print(cells, bad); err != nil {
		return err
	}
	if len(bad) > 0 {
		return fmt.Errorf("the table lacks %s; remove or repair, and run the cells again:\n  %s",
			report.Count(len(bad), "unreadable file"), strings.Join(Texts(bad), "\n  "))
	}
	return nil
}

// Texts returns the texts of errors.
func Texts(list []error) (texts []string) {
	for _, err := range list {
		texts = append(texts, err.Error())
	}
	return texts
}
