// Package export writes files for other programs: a backbone or a whole classifier as a SavedModel, a classifier as an ONNX model, and
// an adapter merged into the weights of its backbone.
package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/limit"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/result"
)

// The second signature of an exported model and the inputs and outputs of both. The default signature takes images of any size, the
// second takes images of the model's size.
const (
	floatSignature      = "resized_0_to_1"
	ImagesInput         = "images"        // uint8 [n, height, width, 3]; float32 [n, size, size, 3] in 0..1
	LogitsOutput        = "logits"        // float32 [n, classes]
	probabilitiesOutput = "probabilities" // float32 [n, classes]
)

// The file in assets.extra by which a SavedModel is recognised as a classifier.
const (
	classifierFile    = "classifier.json"
	classifierFormat  = "dtl-tf classifier"
	classifierVersion = 1

	maxImageSize = 1 << 16
)

// Description is the content of classifierFile.
type Description struct {
	Format     string            `json:"format"`
	Version    int               `json:"version"`
	Program    string            `json:"program"`
	Method     string            `json:"method"`
	Options    dtl.Options       `json:"options,omitempty"`
	Pool       string            `json:"pool"`
	Precision  string            `json:"precision"`
	Image      int               `json:"image_size"`
	TestResize int               `json:"test_resize,omitempty"` // side to which the graph scales images of any size before it cuts out the centre
	Exif       bool              `json:"exif,omitempty"`        // the caller turns images as their EXIF orientation says
	Mean       [3]float64        `json:"mean"`                  // applied inside the graph
	Std        [3]float64        `json:"std"`
	Classes    int               `json:"classes"`
	Loss       string            `json:"loss,omitempty"`        // bce: probabilities are sigmoids, and an image has any number of classes
	ClassNames []string          `json:"class_names,omitempty"` // in the order of the logits
	Backbone   backboneReference `json:"backbone"`
}

// backboneReference identifies the backbone of an exported model.
type backboneReference struct {
	Path    string `json:"path"`
	SHA256  string `json:"sha256"`
	Weights string `json:"weights_sha256"`
}

// Read reads the description of an exported model. It fails for SavedModels that Classifier did not write.
func Read(dir string) (Description, error) {
	var d Description
	fail := func(err error) (Description, error) { return d, fmt.Errorf("SavedModel %s: %w", dir, err) }
	where, err := readExtra(dir, classifierFile, &d)
	if err != nil {
		return fail(err)
	}
	switch {
	case d.Format != classifierFormat:
		return fail(fmt.Errorf("%s: format is %q, wanted %q", where, d.Format, classifierFormat))
	case d.Version != classifierVersion:
		return fail(fmt.Errorf("%s: version %d, this dtl-tf reads version %d", where, d.Version, classifierVersion))
	case d.Image < 1 || d.Image > maxImageSize:
		return fail(fmt.Errorf("%s: an image_size of %d is not possible", where, d.Image))
	case d.TestResize != 0 && (d.TestResize < d.Image || d.TestResize > maxImageSize):
		return fail(fmt.Errorf("%s: a test_resize of %d is not possible", where, d.TestResize))
	case d.Classes < 1:
		return fail(fmt.Errorf("%s: %d classes are not possible", where, d.Classes))
	case d.Loss != "" && d.Loss != result.LossSeveral:
		return fail(fmt.Errorf("%s: loss is %q, this dtl-tf knows %s", where, d.Loss, result.LossSeveral))
	case d.ClassNames != nil && len(d.ClassNames) != d.Classes:
		return fail(fmt.Errorf("%s: class_names has %d names, the classifier has %d classes", where, len(d.ClassNames), d.Classes))
	}
	return d, nil
}

// readExtra reads a JSON file in the folder assets.extra of a SavedModel. It returns its name there.
func readExtra(dir, name string, into any) (where string, err error) {
	if err := savedmodel.Check(os.DirFS(dir)); err != nil {
		return "", err
	}
	where = savedmodel.ExtraDir + "/" + name
	raw, err := limit.ReadFile(filepath.Join(dir, filepath.FromSlash(where)), limit.Text)
	if errors.Is(err, fs.ErrNotExist) {
		return where, fmt.Errorf("%s is missing: this is not a classifier that dtl-tf wrote (make one with: dtl-tf export)", where)
	}
	if err != nil {
		return where, err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return where, fmt.Errorf("%s: %w", where, err)
	}
	return where, nil
}

// ClassifierConfig is the configuration of Classifier.
type ClassifierConfig struct {
	runner.AdaptedConfig
	Out       string // a folder
	Overwrite bool
}

// Classifier writes a backbone with an adapter as a SavedModel that classifies images, and describes it on ui.Out.
func Classifier(ctx context.Context, c ClassifierConfig, ui runner.UI) error {
	if c.Adapter == "" || c.Out == "" {
		return runner.Usagef("--adapter and --out are required")
	}
	c.Backbone = c.Backbone.Streamed()
	a, err := adapter.Open(ctx, c.AdaptedConfig, ui.Note)
	if err != nil {
		return err
	}
	d := describe(a, ui.Version)
	if err := writeSavedModel(ctx, c.Out, c.Overwrite, func(dir string) error { return write(a, dir, d) }); err != nil {
		return err
	}
	return d.print(ui.Out, c.Out)
}

func describe(a *adapter.Adapted, version string) Description {
	c, bb := a.Config, a.Backbone
	return Description{
		Format: classifierFormat, Version: classifierVersion, Program: "dtl-tf " + version,
		Method: c.Method.Name(), Options: a.Options, Pool: string(c.Pool), Precision: string(c.Precision),
		Image: c.Arch.ImageSize(), TestResize: a.TestResize, Exif: a.Upright, Mean: c.Mean, Std: c.Std, Classes: c.Classes, Loss: lossOf(a), ClassNames: a.ClassNames,
		Backbone: backboneReference{bb.Path, bb.SHA256, bb.Fingerprint()},
	}
}

func write(a *adapter.Adapted, dir string, d Description) error {
	served, err := dtl.NewServed(a.Config, a.TestResize)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	bySigmoid(served.Builder, a, &served.Bytes, &served.Floats)
	call := func(s dtl.Serving) savedmodel.Call {
		return savedmodel.Call{
			Inputs:  map[string]graph.Value{ImagesInput: s.Images},
			Outputs: map[string]graph.Value{LogitsOutput: s.Logits, probabilitiesOutput: s.Probabilities},
		}
	}
	err = savedmodel.Write(dir, savedmodel.Model{
		Builder: served.Builder, Variables: served.Variables, Values: valuesOf(a),
		Signatures: map[string]savedmodel.Call{savedmodel.Signature: call(served.Bytes), floatSignature: call(served.Floats)},
		Extra:      map[string][]byte{classifierFile: append(text, '\n')},
	})
	if err != nil {
		return fmt.Errorf("writing the SavedModel: %w", err)
	}
	return nil
}

// lossOf is the Loss of a description.
func lossOf(a *adapter.Adapted) string {
	if a.Several {
		return result.LossSeveral
	}
	return ""
}

// bySigmoid makes the probabilities sigmoids of the logits if an image has any number of classes.
func bySigmoid(b *graph.Builder, a *adapter.Adapted, list ...*dtl.Serving) {
	if !a.Several {
		return
	}
	for _, s := range list {
		s.Probabilities = b.Sigmoids(s.Logits)
	}
}

// valuesOf are the values of all variables of a classifier.
func valuesOf(a *adapter.Adapted) tensor.Map {
	values := maps.Clone(a.Config.Weights(a.Backbone.Weights))
	maps.Copy(values, a.Adapter.Tensors)
	return values
}

func (d Description) print(w io.Writer, dir string) error {
	_, err := fmt.Fprintf(w, `wrote %s (%s, %d classes)
  %s   %s uint8 [n, height, width, 3], any size -> %s, %s [n, %d]
  %s    %s float32 [n, %d, %d, 3] in 0..1 -> the same
`, dir, d.Method, d.Classes, savedmodel.Signature, ImagesInput, LogitsOutput, probabilitiesOutput, d.Classes, floatSignature, ImagesInput, d.Image, d.Image)
	return err
}
