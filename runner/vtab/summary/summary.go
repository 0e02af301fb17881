// Package summary makes the table of VTAB-1k from the files of finished cells: one row per method, with the 19 tasks in three
// groups, the groups' means and both usual averages, over the available seeds. It computes from these files only and leaves
// missing values blank. A difference that makes two numbers incomparable is a footnote, or an error if it would falsify an
// average.
package summary

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/report"
	"dtl-tf/runner/sweep"
)

// Formats lists what Config.Format may be.
func Formats() []string {
	return report.PaperFormats()
}

// Config selects what is printed.
type Config struct {
	Folders []string // results of 'vtab run', at least one
	Format  string   // one of Formats
	Quote   string   // methods to quote below the measured ones: "", AllQuotes or comma-separated names
}

// Run prints the table of all cells in the folders. It names unreadable files on ui.Err, leaves them out, and returns an error
// after printing the table.
func Run(c Config, ui runner.UI) error {
	if !slices.Contains(Formats(), c.Format) {
		return runner.Usagef("--format %q is unknown, use one of %s", c.Format, strings.Join(Formats(), ", "))
	}
	if len(c.Folders) == 0 {
		return runner.Usagef("give the folder with the results, or several")
	}
	quoted, err := parseQuotes(c.Quote)
	if err != nil {
		return err
	}
	cells, bad, err := read(c.Folders)
	for _, b := range bad {
		fmt.Fprintf(ui.Err, "left out: %v\n", b)
	}
	if err != nil {
		return err
	}
	if len(cells) == 0 && len(bad) == 0 {
		return fmt.Errorf("no results in %s: looked for TASK/METHOD/seed-S.json, as 'dtl-tf vtab run --out' writes them", strings.Join(c.Folders, ", "))
	}
	if err := sweep.CheckOrigin(files(cells)); err != nil {
		return err
	}
	if err := checkQuotes(cells, quoted); err != nil {
		return err
	}
	if err := build(cells, quoted, bad).render(ui.Out, c.Format); err != nil {
		return err
	}
	if len(bad) > 0 {
		text := fmt.Sprintf("the table lacks %s; remove or repair, and run the cells again:", report.Count(len(bad), "unreadable file"))
		for _, b := range bad {
			text += "\n  " + b.Error()
		}
		return errors.New(text)
	}
	return nil
}

func (t Table) render(w io.Writer, format string) error {
	switch format {
	case report.Markdown:
		return t.markdown(w)
	case report.CSV:
		return t.csv(w)
	case report.JSON:
		return t.json(w)
	case report.LaTeX:
		return t.latex(w)
	}
	return t.text(w, report.IsTerminal(w))
}
