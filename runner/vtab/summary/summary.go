// Package summary makes the table of VTAB-1k from the files of finished cells: one row per method, with the 19 tasks in three
// groups, the groups' means and both usual averages, over the available seeds. It computes from these files only and leaves
// missing values blank. A difference that makes two numbers incomparable is a footnote, or an error if it would falsify an
// average.
package summary

import (
	"io"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/report"
	"dtl-tf/runner/sweep/tabulate"
)

// Config selects what is printed.
type Config struct {
	Folders []string // results of 'vtab run', at least one
	Format  string   // one of report.PaperFormats
	Quote   string   // methods to quote below the measured ones: "", AllQuotes or comma-separated names
	Plot    string   // file for the figure, .svg or .png; "": none
}

// Run prints the table of all cells in the folders. It names unreadable files on ui.Err, leaves them out, and returns an error
// after printing the table.
func Run(c Config, ui runner.UI) error {
	if !slices.Contains(report.PaperFormats(), c.Format) {
		return runner.Usagef("--format %q is unknown, use one of %s", c.Format, strings.Join(report.PaperFormats(), ", "))
	}
	if err := tabulate.CheckFolders(c.Folders); err != nil {
		return err
	}
	if err := tabulate.CheckPlot(c.Plot); err != nil {
		return err
	}
	quoted, err := parseQuotes(c.Quote)
	if err != nil {
		return err
	}
	p := tabulate.Printer[source]{
		Read: read,
		None: "no results in %s: looked for TASK/METHOD/seed-S.json, as 'dtl-tf vtab run --out' writes them",
		Print: func(cells []source, bad []error) error {
			if err := tabulate.CheckOrigin(cells); err != nil {
				return err
			}
			if err := checkOne(cells); err != nil {
				return err
			}
			if err := checkQuotes(cells, quoted); err != nil {
				return err
			}
			t := build(cells, quoted, bad)
			if err := t.render(ui.Out, c.Format); err != nil || c.Plot == "" {
				return err
			}
			return t.plot(c.Plot, ui)
		},
	}
	return p.Run(c.Folders, ui)
}

func (t Table) render(w io.Writer, format string) error {
	switch format {
	case report.Markdown:
		return t.markdown(w)
	case report.CSV:
		return t.csv(w)
	case report.JSON:
		return tabulate.JSON(w, t)
	case report.LaTeX:
		return t.latex(w)
	}
	return t.text(w, report.IsTerminal(w))
}
