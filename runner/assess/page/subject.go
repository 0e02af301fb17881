package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// Subject is an evaluation with what its folder tells about the run.
type Subject struct {
	*assess.Evaluation
	Folder string
	Run    *result.Run // nil for an evaluation without training
	Curves Curves
}

// Open reads the folder of a run or of an evaluation.
func Open(folder string) (*Subject, error) {
	e, err := assess.Read(folder)
	if err != nil {
		return nil, err
	}
	s := &Subject{Evaluation: e, Folder: folder}
	run, err := result.ReadRun(filepath.Join(folder, result.RunFile))
	switch {
	case err == nil:
		s.Run = &run
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	s.Curves, err = ReadCurves(folder)
	return s, err
}

// setting is a row of the table of settings.
type setting struct{ Name, Value string }

// settings lists what the result follows from, as far as it is known.
func (s *Subject) settings() (list []setting) {
	add := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" && text != "0" {
			list = append(list, setting{name, text})
		}
	}
	add("method", s.Method)
	add("backbone", spell.Line(s.Backbone))
	if s.Adapter != "" {
		add("adapter", spell.Line(s.Adapter))
	}
	add("data set", spell.Line(s.Data))
	add("split", s.Split)
	add("classes", report.Thousands(s.Classes))
	add("images evaluated", report.Thousands(s.Images))
	if s.Skipped > 0 {
		add("images skipped", report.Thousands(s.Skipped))
	}
	r := s.Run
	if r == nil {
		add("program", "dtl-tf "+s.Program)
		add("evaluated", moment(s.Time))
		return list
	}
	if r.Backbone.Architecture != "" {
		add("architecture", r.Backbone.Architecture)
	}
	if r.Backbone.Repo != "" {
		add("hub", r.Backbone.Repo+", commit "+r.Backbone.Commit)
	}
	add("backbone sha256", r.Backbone.SHA256)
	for _, split := range slices.Sorted(maps.Keys(r.Data.Counts)) {
		add("images of "+split, report.Thousands(r.Data.Counts[split]))
	}
	add("data fingerprint", r.Data.Fingerprint)
	add("trainable parameters", report.Used(report.Trainable{Declared: r.Parameters.Trainable, Unused: r.Parameters.Unused}))
	add("parameters of the classifier", report.Thousands(r.Parameters.Classifier))
	list = append(list, flatten("", r.Config)...)
	if a := r.Accuracy; a != nil {
		add("evaluated", a.Note)
	}
	if m := r.Measurements; m.TrainSeconds > 0 {
		add("time of training", report.Duration(time.Duration(m.TrainSeconds*float64(time.Second))))
	}
	device := r.Device.Kind
	if r.Device.Model != "" {
		device += ", " + r.Device.Model
	}
	if r.Device.Threads > 0 {
		device += ", " + report.Count(r.Device.Threads, "thread")
	}
	add("device", device)
	add("program", fmt.Sprintf("dtl-tf %s, libtensorflow %s", r.Versions.Program, r.Versions.LibTensorFlow))
	add("started", moment(r.Started))
	add("command", strings.Join(r.Command, " "))
	return list
}

func moment(t time.Time) string { return t.Format("2006-01-02 15:04 MST") }

// flatten lists the fields of a JSON object, with those of objects within it after a point, in their order. What the page shows
// elsewhere is left out.
func flatten(prefix string, object json.RawMessage) (list []setting) {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return list
		}
		name := prefix + fmt.Sprint(key)
		var text string
		switch {
		case slices.Contains([]string{"data", "method", "backbone"}, name):
		case value[0] == '{':
			list = append(list, flatten(name+".", value)...)
		case json.Unmarshal(value, &text) == nil:
			if text != "" {
				list = append(list, setting{name, spell.Line(text)})
			}
		default:
			var short bytes.Buffer
			if json.Compact(&short, value) == nil {
				list = append(list, setting{name, short.String()})
			}
		}
	}
	return list
}

// title names the subject: its data set and its method.
func (s *Subject) title() string {
	name := spell.Line(filepath.Base(s.Data))
	if s.Method != "" {
		name += ", " + s.Method
	}
	return name
}

// percent formats a fraction: 92.3.
func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) }

// percentRange formats a share with its interval.
func percentRange(s assess.Share) string {
	return fmt.Sprintf("%s %% (%s to %s %%)", percent(s.Value), percent(s.Low), percent(s.High))
}

// optional formats a fraction that may be undefined, in percent.
func optional(v *float64) string {
	if v == nil {
		return "–"
	}
	return percent(*v)
}
