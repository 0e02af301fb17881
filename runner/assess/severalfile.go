package assess

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/result"
)

// NewSeveral is New for images of any number of classes.
func NewSeveral(r Record, answers []SeveralAnswer) *Evaluation {
	r.Format, r.Images = Format, len(answers)
	f, _ := Several(answers, r.Classes)
	r.Several = &f
	if absolute, err := filepath.Abs(r.Data); err == nil {
		r.Data = absolute
	}
	return &Evaluation{Record: r, SeveralAnswers: answers}
}

// writeSeveral writes predictions.csv, per_class.csv and at last evaluation.json. There is no confusion.csv: no class is taken for another.
func (e *Evaluation) writeSeveral(folder string) error {
	labels := e.severalLabels()
	err := result.WriteFile(filepath.Join(folder, result.PredictionsFile), func(w io.Writer) error {
		return writeSeveralPredictions(w, e.SeveralAnswers, labels)
	})
	if err != nil {
		return err
	}
	_, each := Several(e.SeveralAnswers, e.Classes)
	err = result.WriteFile(filepath.Join(folder, result.PerClassFile), func(w io.Writer) error { return writeSeveralClasses(w, each, labels) })
	if err != nil {
		return err
	}
	return result.WriteJSON(filepath.Join(folder, result.EvaluationFile), e.Record)
}

// severalLabels are the classes in a file: their names, or the numbers if a list of names would be ambiguous.
func (r *Record) severalLabels() []string {
	names, seen := make([]string, r.Classes), map[string]bool{}
	unambiguous := true
	for i := range names {
		names[i] = r.Name(i)
		unambiguous = unambiguous && names[i] != "" && !strings.Contains(names[i], severalSeparator)
		seen[names[i]] = true
	}
	if !unambiguous || len(seen) < len(names) {
		for i := range names {
			names[i] = strconv.Itoa(i)
		}
	}
	return names
}

// readSeveral reads and checks the predictions.csv of images of any number of classes.
func (r *Record) readSeveral(path string) ([]SeveralAnswer, error) {
	content, err := limit.ReadFile(path, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("reading predictions: %w", err)
	}
	damaged := func(err error) error { return fmt.Errorf("%s: %w: the file is damaged or was changed", path, err) }
	c := csv.NewReader(bytes.NewReader(content))
	labels, class := r.severalLabels(), map[string]int{}
	for i, label := range labels {
		class[label] = i
	}
	header, err := c.Read()
	if err != nil {
		return nil, damaged(err)
	}
	if !slices.Equal(header, severalColumns(labels)) {
		return nil, damaged(fmt.Errorf("its columns are not those of the %d classes of %s", r.Classes, result.EvaluationFile))
	}
	var answers []SeveralAnswer
	for {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, damaged(err)
		}
		a, err := parseSeveral(cells, class)
		if err != nil {
			line, _ := c.FieldPos(0)
			return nil, damaged(fmt.Errorf("line %d: %w", line, err))
		}
		answers = append(answers, a)
	}
	if len(answers) != r.Images {
		return nil, damaged(fmt.Errorf("it has %d images, %s says %d", len(answers), result.EvaluationFile, r.Images))
	}
	return answers, nil
}

// parseSeveral parses the cells of a line. The predicted classes must be those that follow from the probabilities.
func parseSeveral(cells []string, class map[string]int) (a SeveralAnswer, err error) {
	if a.Image, err = plainCell(cells[0]); err != nil {
		return a, err
	}
	list := func(cell string) (classes []int, err error) {
		if cell == "" {
			return nil, nil
		}
		text, err := plainCell(cell)
		if err != nil {
			return nil, err
		}
		for name := range strings.SplitSeq(text, severalSeparator) {
			at, known := class[name]
			if !known || len(classes) > 0 && at <= classes[len(classes)-1] {
				return nil, fmt.Errorf("%q is no list of classes of %s", cell, result.EvaluationFile)
			}
			classes = append(classes, at)
		}
		return classes, nil
	}
	if a.True, err = list(cells[1]); err != nil {
		return a, err
	}
	predicted, err := list(cells[2])
	if err != nil {
		return a, err
	}
	for _, cell := range cells[3:] {
		p, err := strconv.ParseFloat(cell, 64)
		if err != nil || !(p >= 0 && p <= 1) {
			return a, fmt.Errorf("%q is not a probability", cell)
		}
		a.Probabilities = append(a.Probabilities, p)
	}
	if !slices.Equal(predicted, a.Predicted(SeveralThreshold)) {
		return a, fmt.Errorf("the predicted classes %q are not those of a probability of at least %v", cells[2], SeveralThreshold)
	}
	return a, nil
}

// plainCell undoes Cell.
func plainCell(cell string) (string, error) {
	if !strings.HasPrefix(cell, `"`) {
		return cell, nil
	}
	text, err := strconv.Unquote(cell)
	if err != nil {
		return "", fmt.Errorf("%s has a quotation mark and no valid quoting", cell)
	}
	return text, nil
}
