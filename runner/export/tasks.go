package export

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/result"
)

// The file in assets.extra by which a SavedModel is recognised as one of several tasks.
const (
	tasksFile    = "tasks.json"
	tasksFormat  = "dtl-tf tasks"
	tasksVersion = 1
)

// TasksDescription is the content of tasksFile.
type TasksDescription struct {
	Format    string `json:"format"`
	Version   int    `json:"version"`
	Program   string `json:"program"`
	Precision string `json:"precision"`
	Image     int    `json:"image_size"`
	// TestResize is the side to which the graph scales images of any size before it cuts out the centre; 0: Image.
	TestResize int               `json:"test_resize,omitempty"`
	Exif       bool              `json:"exif,omitempty"` // the caller turns images as their EXIF orientation says
	Mean       [3]float64        `json:"mean"`           // applied inside the graph
	Std        [3]float64        `json:"std"`
	Backbone   backboneReference `json:"backbone"`
	Tasks      []TaskDescription `json:"tasks"`
	Sharing    dtl.Sharing       `json:"sharing"`
}

// TaskDescription describes a task of a TasksDescription.
type TaskDescription struct {
	Name       string      `json:"name"` // also of its signature
	Method     string      `json:"method"`
	Options    dtl.Options `json:"options,omitempty"`
	Pool       string      `json:"pool"`
	Classes    int         `json:"classes"`
	Loss       string      `json:"loss,omitempty"`        // bce: as in Description
	ClassNames []string    `json:"class_names,omitempty"` // in the order of the logits
}

// Logits is the output with the task's logits where all tasks have outputs.
func (t TaskDescription) Logits() string { return t.Name + "_" + LogitsOutput }

// Probabilities is the output with the task's probabilities beside Logits.
func (t TaskDescription) Probabilities() string { return t.Name + "_" + probabilitiesOutput }

// TasksConfig is the configuration of Tasks. The Adapter of AdaptedConfig has no meaning.
type TasksConfig struct {
	runner.AdaptedConfig
	Adapters  []string // as adapter.Find takes them
	Out       string   // a folder
	Overwrite bool
}

// Several reports whether values of --adapter are for Tasks. A single file or run is for Classifier.
func Several(adapters []string) bool { return adapter.Several(adapters) }

// OneAdapter returns the adapter file that a value of --adapter names, if Several is false.
func OneAdapter(values []string) (string, error) {
	if len(values) == 0 || values[0] == "" {
		return "", nil
	}
	found, err := adapter.Find(values)
	if err != nil {
		return "", err
	}
	return found[0].Path, nil
}

// usable is what TensorFlow and its clients take as a signature's name without quoting.
var usable = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// Tasks writes one backbone with several adapters as a SavedModel: a signature for each task, and signatures that give all tasks from
// one pass of what they share. It describes them on ui.Out.
func Tasks(ctx context.Context, c TasksConfig, ui runner.UI) error {
	if c.Out == "" {
		return runner.Usagef("--adapter and --out are required")
	}
	files, err := adapter.Find(c.Adapters)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !usable.MatchString(f.Name) || f.Name == savedmodel.Signature || f.Name == floatSignature {
			return runner.Usagef("the name %q of the adapter %s can't be that of a signature: choose another with --adapter NAME=FILE, of letters, digits and - _ .", f.Name, f.Path)
		}
	}
	c.Backbone = c.Backbone.Streamed()
	adapted, err := adapter.OpenSeveral(ctx, c.AdaptedConfig, files, ui.Note)
	if err != nil {
		return err
	}
	config, tasks := adapter.Tasks(files, adapted)
	served, err := dtl.NewServedTasks(config, tasks, adapted[0].TestResize)
	if err != nil {
		return err
	}
	for i, a := range adapted {
		bySigmoid(served.Builder, a, &served.Bytes[i], &served.Floats[i])
	}
	d := describeTasks(files, adapted, served.Sharing, ui.Version)
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	model := savedmodel.Model{
		Builder: served.Builder, Variables: served.Variables, Values: served.Values(adapted[0].Backbone.Weights, tasks), Signatures: d.signatures(served),
		Extra: map[string][]byte{tasksFile: append(text, '\n')},
	}
	err = writeSavedModel(ctx, c.Out, c.Overwrite, func(dir string) error {
		if err := savedmodel.Write(dir, model); err != nil {
			return fmt.Errorf("writing the SavedModel: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.print(ui.Out, c.Out)
}

func describeTasks(files []adapter.Named, adapted []*adapter.Adapted, sharing dtl.Sharing, version string) TasksDescription {
	bb := adapted[0].Backbone
	d := TasksDescription{
		Format: tasksFormat, Version: tasksVersion, Program: "dtl-tf " + version, Precision: string(adapted[0].Config.Precision),
		Image: bb.ImageSize(), TestResize: adapted[0].TestResize, Exif: adapted[0].Upright, Mean: bb.Mean, Std: bb.Std, Backbone: backboneReference{bb.Path, bb.SHA256, bb.Fingerprint()}, Sharing: sharing,
	}
	for i, a := range adapted {
		d.Tasks = append(d.Tasks, TaskDescription{files[i].Name, a.Config.Method.Name(), a.Options, string(a.Config.Pool), a.Config.Classes, lossOf(a), a.ClassNames})
	}
	return d
}

// signatures are one for each task, on images of any size, and two for all tasks.
func (d TasksDescription) signatures(served *dtl.ServedTasks) map[string]savedmodel.Call {
	all := map[string]savedmodel.Call{}
	for name, list := range map[string][]dtl.Serving{savedmodel.Signature: served.Bytes, floatSignature: served.Floats} {
		call := savedmodel.Call{Inputs: map[string]graph.Value{ImagesInput: list[0].Images}, Outputs: map[string]graph.Value{}}
		for i, t := range d.Tasks {
			call.Outputs[t.Logits()], call.Outputs[t.Probabilities()] = list[i].Logits, list[i].Probabilities
		}
		all[name] = call
	}
	for i, t := range d.Tasks {
		s := served.Bytes[i]
		all[t.Name] = savedmodel.Call{
			Inputs:  map[string]graph.Value{ImagesInput: s.Images},
			Outputs: map[string]graph.Value{LogitsOutput: s.Logits, probabilitiesOutput: s.Probabilities},
		}
	}
	return all
}

func (d TasksDescription) print(w io.Writer, dir string) error {
	_, err := fmt.Fprintf(w, "wrote %s (%d tasks: %d blocks run for an image instead of %d)\n  %s   %s uint8 [n, height, width, 3], any size -> TASK_%s, TASK_%s of all tasks\n  %s    %s float32 [n, %d, %d, 3] in 0..1 -> the same\n",
		dir, len(d.Tasks), d.Sharing.Blocks(), d.Sharing.Apart(), savedmodel.Signature, ImagesInput, LogitsOutput, probabilitiesOutput, floatSignature, ImagesInput, d.Image, d.Image)
	for _, t := range d.Tasks {
		if err == nil {
			_, err = fmt.Fprintf(w, "  %s   images of any size -> %s, %s [n, %d] (%s)\n", t.Name, LogitsOutput, probabilitiesOutput, t.Classes, t.Method)
		}
	}
	return err
}

// HasTasks reports whether a folder is a SavedModel of several tasks.
func HasTasks(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, savedmodel.ExtraDir, tasksFile))
	return err == nil
}

// ReadTasks reads the description of a SavedModel that Tasks wrote.
func ReadTasks(dir string) (TasksDescription, error) {
	var d TasksDescription
	where, err := readExtra(dir, tasksFile, &d)
	if err == nil {
		err = d.check(where)
	}
	if err != nil {
		return d, fmt.Errorf("SavedModel %s: %w", dir, err)
	}
	return d, nil
}

func (d TasksDescription) check(where string) error {
	switch {
	case d.Format != tasksFormat:
		return fmt.Errorf("%s: format is %q, wanted %q", where, d.Format, tasksFormat)
	case d.Version != tasksVersion:
		return fmt.Errorf("%s: version %d, this dtl-tf reads version %d", where, d.Version, tasksVersion)
	case d.Image < 1 || d.Image > maxImageSize:
		return fmt.Errorf("%s: an image_size of %d is not possible", where, d.Image)
	case d.TestResize != 0 && (d.TestResize < d.Image || d.TestResize > maxImageSize):
		return fmt.Errorf("%s: a test_resize of %d is not possible", where, d.TestResize)
	case len(d.Tasks) == 0 || len(d.Sharing.Tasks) != len(d.Tasks):
		return fmt.Errorf("%s: %d tasks, and what %d share", where, len(d.Tasks), len(d.Sharing.Tasks))
	}
	for _, t := range d.Tasks {
		if t.Loss != "" && t.Loss != result.LossSeveral {
			return fmt.Errorf("%s: loss of task %q is %q, this dtl-tf knows %s", where, t.Name, t.Loss, result.LossSeveral)
		}
		if t.Classes < 1 || t.ClassNames != nil && len(t.ClassNames) != t.Classes {
			return fmt.Errorf("%s: task %q has %d classes and %d names of classes", where, t.Name, t.Classes, len(t.ClassNames))
		}
	}
	return nil
}
