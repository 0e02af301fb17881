// Package page writes the report of an evaluation, or the comparison of several, as one HTML file without scripts and without
// anything from elsewhere.
package page

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

//go:embed page.html
var source string

// templates escape everything that names of classes and files hold.
var templates = template.Must(template.New("page").Funcs(template.FuncMap{
	"plus": func(a, b int) int { return a + b },
}).Parse(source))

// mark of a page of this program, which may be replaced.
const generator = `<meta name="generator" content="dtl-tf">`

// Config is the configuration of Report.
type Config struct {
	Runs []string // folders of runs or evaluations
	Out  string   // "": report.html in the folder of a single run, comparison.html in the working folder for several
	Data string   // folder of the data set, if it has moved; "": as the evaluation says
}

// ComparisonFile is where the comparison of several runs goes by default.
const ComparisonFile = "comparison.html"

// Report writes the page about a run, or a page that compares several, and prints its path.
func Report(ctx context.Context, c Config, ui runner.UI) error {
	if len(c.Runs) == 0 {
		return runner.Usagef("name the folder of a run, or those of several to compare them")
	}
	if c.Data != "" && len(c.Runs) > 1 {
		return runner.Usagef("--data is for the pictures in the report of one run, and a page of several has none")
	}
	if c.Data != "" {
		if _, err := os.Stat(c.Data); err != nil {
			return runner.Usagef("--data: %w", err)
		}
	}
	var subjects []*Subject
	for _, folder := range c.Runs {
		s, err := Open(folder)
		if err != nil {
			return err
		}
		if len(subjects) > 0 && (s.Several != nil) != (subjects[0].Several != nil) {
			one, other := folder, c.Runs[0]
			if s.Several != nil {
				one, other = other, one
			}
			return runner.Usagef("%s is an evaluation of images of one class, and %s of images of any number (--loss bce): they have no figure in common, so compare each kind alone", one, other)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("interrupted: %w", err)
		}
		subjects = append(subjects, s)
	}
	out := c.Out
	if out == "" {
		out = ComparisonFile
		if len(subjects) == 1 {
			out = filepath.Join(c.Runs[0], result.ReportFile)
		}
	}
	if err := replaceable(out); err != nil {
		return err
	}
	if len(subjects) == 1 {
		if c.Data != "" {
			subjects[0].Data = c.Data
		}
		if err := subjects[0].WriteFile(out, ui.Note); err != nil {
			return err
		}
	} else if err := CompareFile(out, subjects); err != nil {
		return err
	}
	_, err := fmt.Fprintln(ui.Out, out)
	return err
}

// WriteFile writes the page about one evaluation to a file, and notes which pictures could not be read.
func (s *Subject) WriteFile(path string, note runner.NoteFunc) error {
	var missing string
	err := result.WriteFile(path, func(w io.Writer) (err error) {
		missing, err = s.Write(w)
		return err
	})
	if err == nil && missing != "" {
		note("%s; if they have moved, dtl-tf report --data FOLDER %s makes the report with them", missing, filepath.Dir(path))
	}
	return err
}

// CompareFile writes the page that compares evaluations to a file.
func CompareFile(path string, subjects []*Subject) error {
	return result.WriteFile(path, func(w io.Writer) error { return Compare(w, subjects) })
}

// replaceable returns an error if path is anything but a page of this program.
func replaceable(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	defer f.Close()
	head := make([]byte, 1024)
	n, _ := io.ReadFull(f, head)
	if !bytes.Contains(head[:n], []byte(generator)) {
		return fmt.Errorf("%s exists and is no report of dtl-tf: choose another --out", path)
	}
	return nil
}
