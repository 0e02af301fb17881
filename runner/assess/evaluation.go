package assess

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/result"
)

// Format is the version of evaluation.json and of the files beside it. It increases when a field or column changes its meaning or is
// removed.
const Format = 1

// maxClasses bounds the classes of an evaluation.json, as the labels of lists are bounded.
const maxClasses = 100_000

// Record is the content of evaluation.json: what was evaluated, and the figures.
type Record struct {
	Format     int       `json:"format"`
	Program    string    `json:"program"` // version
	Time       time.Time `json:"time"`
	Adapter    string    `json:"adapter,omitempty"` // file; "": the backbone's own head
	Backbone   string    `json:"backbone"`
	Method     string    `json:"method,omitempty"`
	Data       string    `json:"data"` // folder or table of the data set, absolute if possible
	Split      string    `json:"split"`
	Content    string    `json:"content_sha256,omitempty"` // of the names and the files of the split's images
	Exif       bool      `json:"exif,omitempty"`           // images are turned as their EXIF data says
	Images     int       `json:"images"`                   // evaluated
	Skipped    int       `json:"skipped_images,omitempty"`
	Classes    int       `json:"classes"`
	ClassNames []string  `json:"class_names,omitempty"` // by number; absent if classes have numbers only
	Figures    Figures   `json:"figures,omitzero"`
	// Several are the figures instead of Figures if an image has any number of classes (--loss bce).
	Several *SeveralFigures `json:"several,omitempty"`
}

// Evaluation is a record with the answers that the figures are of.
type Evaluation struct {
	Record
	Answers        []Answer
	SeveralAnswers []SeveralAnswer // instead of Answers, with Record.Several
}

// New completes an evaluation: it counts the images, computes the figures of the answers (at least one), and makes the
// folder of the data set absolute.
func New(r Record, answers []Answer) *Evaluation {
	r.Format, r.Images = Format, len(answers)
	r.Figures = Sum(r.Classes, answers)
	if absolute, err := filepath.Abs(r.Data); err == nil {
		r.Data = absolute
	}
	return &Evaluation{Record: r, Answers: answers}
}

// Name is the name of a class, or its number if classes have none.
func (r *Record) Name(class int) string {
	if r.ClassNames == nil {
		return strconv.Itoa(class)
	}
	return r.ClassNames[class]
}

// Write writes predictions.csv, per_class.csv, confusion.csv and at last evaluation.json into a folder, each atomically. If an image has
// any number of classes, there is no confusion.csv.
func (e *Evaluation) Write(folder string) error {
	if e.Several != nil {
		return e.writeSeveral(folder)
	}
	m := Confusions(e.Classes, e.Answers)
	path := func(name string) string { return filepath.Join(folder, name) }
	if err := writeCSV(path(result.PredictionsFile), columns(e.Classes), e.predictions); err != nil {
		return err
	}
	if err := e.writePerClass(path(result.PerClassFile), m); err != nil {
		return err
	}
	if err := e.writeConfusion(path(result.ConfusionFile), m); err != nil {
		return err
	}
	return result.WriteJSON(path(result.EvaluationFile), e.Record)
}

// Read reads the evaluation in a folder: evaluation.json and predictions.csv. The figures are computed again. Files of another version
// are a *result.ForeignError.
func Read(folder string) (*Evaluation, error) {
	path := filepath.Join(folder, result.EvaluationFile)
	content, err := limit.ReadFile(path, limit.Text)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, missing(folder)
	}
	if err != nil {
		return nil, fmt.Errorf("reading an evaluation: %w", err)
	}
	r, err := decode(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Several != nil {
		answers, err := r.readSeveral(filepath.Join(folder, result.PredictionsFile))
		if err != nil {
			return nil, err
		}
		f, _ := Several(answers, r.Classes)
		r.Several = &f
		return &Evaluation{Record: *r, SeveralAnswers: answers}, nil
	}
	answers, err := r.readPredictions(filepath.Join(folder, result.PredictionsFile))
	if err != nil {
		return nil, err
	}
	r.Figures = Sum(r.Classes, answers)
	return &Evaluation{Record: *r, Answers: answers}, nil
}

// missing says why a folder has no evaluation.
func missing(folder string) error {
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist: name the folder of a run or of an evaluation", folder)
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is a file: name the folder of a run or of an evaluation", folder)
	}
	if _, err := os.Stat(filepath.Join(folder, result.RunFile)); err == nil {
		return fmt.Errorf("the run in %s has no predictions: it was not evaluated, had --report=false, or is of an earlier version; "+
			"dtl-tf eval with its adapter, --data and --out makes them in another folder", folder)
	}
	return fmt.Errorf("%s holds neither a run nor an evaluation: there is no %s", folder, result.EvaluationFile)
}

func decode(content []byte) (*Record, error) {
	var head struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(content, &head); err != nil {
		return nil, fmt.Errorf("not a complete JSON object: %w", err)
	}
	if head.Format == nil {
		return nil, errors.New("not the record of an evaluation: the field \"format\" is missing")
	}
	if *head.Format != Format {
		return nil, &result.ForeignError{Err: fmt.Errorf("format %d, this program reads format %d", *head.Format, Format)}
	}
	var r Record
	if err := result.Decode(content, &r); err != nil {
		return nil, &result.ForeignError{Err: err}
	}
	switch {
	case r.Images < 1:
		return nil, fmt.Errorf("%d images: an evaluation has at least one", r.Images)
	case r.Classes < 1 || r.Classes > maxClasses:
		return nil, fmt.Errorf("%d classes: there must be at least one and at most %d", r.Classes, maxClasses)
	case r.ClassNames != nil && len(r.ClassNames) != r.Classes:
		return nil, fmt.Errorf("%d names of %d classes", len(r.ClassNames), r.Classes)
	}
	return &r, nil
}
