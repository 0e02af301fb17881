package assess

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/spell"
	"dtl-tf/runner/result"
)

// maxBytes is the largest predictions.csv that is read: some two million images.
const maxBytes = 1 << 29

// columns are those of predictions.csv: the true class with its probability, the predicted one with its, and the next most probable
// ones, of which there are fewer if the classifier has fewer than Shown classes.
func columns(classes int) []string {
	list := []string{"image", "true", "true_probability", "predicted", "probability"}
	for i := 2; i <= min(Shown, classes); i++ {
		list = append(list, fmt.Sprintf("predicted_%d", i), fmt.Sprintf("probability_%d", i))
	}
	return list
}

// full formats a number so that it is the same when it is read again.
func full(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// Cell is a name in a CSV file: quoted as by [spell.Line] if it would break the line, and also if a spreadsheet would take it for a
// formula.
func Cell(name string) string {
	if strings.IndexAny(name, "=+-@") == 0 {
		return strconv.Quote(name)
	}
	return spell.Line(name)
}

// labels are the classes in a file: the name, quoted if it would break the line; the number if classes have no names, or if two have the
// same, which adapters of old versions can have.
func (r *Record) labels() []string {
	list := make([]string, r.Classes)
	seen := map[string]bool{}
	for i := range list {
		list[i] = Cell(r.Name(i))
		seen[list[i]] = true
	}
	if len(seen) < len(list) {
		for i := range list {
			list[i] = strconv.Itoa(i)
		}
	}
	return list
}

func writeCSV(path string, header []string, rows func(write func(cells ...string))) error {
	return result.WriteFile(path, func(w io.Writer) error { return printCSV(w, header, rows) })
}

func printCSV(w io.Writer, header []string, rows func(write func(cells ...string))) error {
	c := csv.NewWriter(w)
	_ = c.Write(header) // an error sticks and comes from c.Error
	rows(func(cells ...string) { _ = c.Write(cells) })
	c.Flush()
	return c.Error()
}

// predictions passes the lines of predictions.csv to write.
func (e *Evaluation) predictions(write func(cells ...string)) {
	labels := e.labels()
	for _, a := range e.Answers {
		cells := []string{Cell(a.Image), labels[a.True], full(a.TrueProbability)}
		for _, top := range a.Top {
			cells = append(cells, labels[top.Class], full(top.Probability))
		}
		write(cells...)
	}
}

// readPredictions reads and checks predictions.csv.
func (r *Record) readPredictions(path string) ([]Answer, error) {
	content, err := limit.ReadFile(path, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("reading predictions: %w", err)
	}
	return r.parsePredictions(path, content)
}

// parsePredictions checks the content of a predictions.csv. An error names the file and the line.
func (r *Record) parsePredictions(path string, content []byte) ([]Answer, error) {
	c := csv.NewReader(bytes.NewReader(content))
	c.ReuseRecord = true
	damaged := func(format string, args ...any) error {
		line, _ := c.FieldPos(0)
		return fmt.Errorf("%s line %d: %w: the file is damaged or was changed", path, line, fmt.Errorf(format, args...))
	}
	want := columns(r.Classes)
	switch header, err := c.Read(); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s is empty: the file is damaged or was changed", path)
	case err != nil:
		return nil, fmt.Errorf("%s: %w: the file is damaged or was changed", path, err)
	case !slices.Equal(header, want):
		return nil, fmt.Errorf("%s has the columns %s, want %s: the file is damaged or was changed", path, spell.Few(header, 20), spell.Few(want, 20))
	}
	classes := map[string]int{}
	for class, label := range r.labels() {
		classes[label] = class
	}
	var answers []Answer
	for {
		cells, err := c.Read()
		switch {
		case errors.Is(err, io.EOF) && len(answers) == r.Images:
			return answers, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%s has %d images, %s says %d: the file is damaged or was changed", path, len(answers), result.EvaluationFile, r.Images)
		case err != nil:
			return nil, fmt.Errorf("%s: %w: the file is damaged or was changed", path, err)
		case len(answers) == r.Images:
			return nil, damaged("there are more than the %d images of %s", r.Images, result.EvaluationFile)
		}
		a, err := parseAnswer(cells, classes)
		if err != nil {
			return nil, damaged("%w", err)
		}
		answers = append(answers, a)
	}
}

// parseAnswer parses the cells of a line.
func parseAnswer(cells []string, classes map[string]int) (a Answer, err error) {
	a.Image = strings.Clone(cells[0])
	if strings.HasPrefix(a.Image, `"`) {
		if a.Image, err = strconv.Unquote(a.Image); err != nil {
			return a, fmt.Errorf("image %s has a quotation mark and no valid quoting", cells[0])
		}
	}
	pair := func(at int) (r Ranked, err error) {
		class, known := classes[cells[at]]
		if !known {
			return r, fmt.Errorf("class %q is not among the %d of %s", cells[at], len(classes), result.EvaluationFile)
		}
		p, err := strconv.ParseFloat(cells[at+1], 64)
		if err != nil || !(p >= 0 && p <= 1) {
			return r, fmt.Errorf("%q is not a probability", cells[at+1])
		}
		return Ranked{class, p}, nil
	}
	own, err := pair(1)
	if err != nil {
		return a, err
	}
	a.True, a.TrueProbability = own.Class, own.Probability
	for at := 3; at < len(cells); at += 2 {
		top, err := pair(at)
		if err != nil {
			return a, err
		}
		if n := len(a.Top); n > 0 && top.Probability > a.Top[n-1].Probability {
			return a, fmt.Errorf("the probabilities rise from %s to %s", cells[at-1], cells[at+1])
		}
		if slices.ContainsFunc(a.Top, func(r Ranked) bool { return r.Class == top.Class }) {
			return a, fmt.Errorf("class %q is there twice", cells[at])
		}
		a.Top = append(a.Top, top)
	}
	return a, nil
}
