package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/tensor"
)

// What the signatures of an exported model take and give. The default one takes images of any size, the other one
// such as have the model's size.
const (
	floatSignature      = "resized_0_to_1"
	imagesInput         = "images"        // uint8 [n, height, width, 3]; float32 [n, size, size, 3] in 0..1
	logitsOutput        = "logits"        // float32 [n, classes]
	probabilitiesOutput = "probabilities" // float32 [n, classes]
)

// The file of assets.extra that makes a SavedModel a classifier.
const (
	classifierFile    = "classifier.json"
	classifierFormat  = "dtl-tf classifier"
	classifierVersion = 1
)

// classifierDescription is the content of that file.
type classifierDescription struct {
	Format     string            `json:"format"`
	Version    int               `json:"version"`
	Program    string            `json:"program"`
	Method     string            `json:"method"`
	Options    dtl.Options       `json:"options,omitempty"`
	Pool       string            `json:"pool"`
	Precision  string            `json:"precision"`
	Image      int               `json:"image_size"`
	Mean       [3]float64        `json:"mean"` // applied inside the graph
	Std        [3]float64        `json:"std"`
	Classes    int               `json:"classes"`
	ClassNames []string          `json:"class_names,omitempty"` // in the order of the logits
	Backbone   backboneReference `json:"backbone"`
}

// backboneReference says which backbone is inside.
type backboneReference struct {
	Path    string `json:"path"`
	SHA256  string `json:"sha256"`
	Weights string `json:"weights_sha256"`
}

// ExportConfig says what to export.
type ExportConfig struct {
	Backbone  BackboneConfig
	Method    MethodConfig
	Adapter   string
	Out       string // a folder
	Overwrite bool
}

// ExportModel writes a backbone with an adapter as a SavedModel that classifies images, and says on ui.Out what is
// in it.
func ExportModel(ctx context.Context, c ExportConfig, ui UI) error {
	if c.Adapter == "" || c.Out == "" {
		return Usagef("--adapter and --out are required")
	}
	a, err := openAdapted(ctx, c.Backbone, c.Adapter, c.Method, ui.Note)
	if err != nil {
		return err
	}
	d := a.description(ui.Version)
	if err := writeSavedModel(ctx, c.Out, c.Overwrite, func(dir string) error { return a.export(dir, d) }); err != nil {
		return err
	}
	return d.print(ui.Out, c.Out)
}

func (a *adapted) description(version string) classifierDescription {
	c, bb := a.config, a.backbone
	return classifierDescription{
		Format: classifierFormat, Version: classifierVersion, Program: "dtl-tf " + version,
		Method: c.Method.Name(), Options: a.options, Pool: string(c.Pool), Precision: string(c.Precision),
		Image: c.Arch.ImageSize(), Mean: c.Mean, Std: c.Std, Classes: c.Classes, ClassNames: a.classNames,
		Backbone: backboneReference{bb.Path, bb.SHA256, bb.Fingerprint()},
	}
}

// export writes the SavedModel.
func (a *adapted) export(dir string, d classifierDescription) error {
	served, err := dtl.NewServed(a.config)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	values := tensor.Map{}
	for _, source := range []tensor.Map{a.backbone.Weights, a.adapter.Tensors} {
		for name, t := range source {
			values[name] = t
		}
	}
	call := func(s dtl.Serving) savedmodel.Call {
		return savedmodel.Call{
			Inputs:  map[string]graph.Value{imagesInput: s.Images},
			Outputs: map[string]graph.Value{logitsOutput: s.Logits, probabilitiesOutput: s.Probabilities},
		}
	}
	err = savedmodel.Write(dir, savedmodel.Model{
		Builder: served.Builder, Variables: served.Variables, Values: values,
		Signatures: map[string]savedmodel.Call{savedmodel.Signature: call(served.Bytes), floatSignature: call(served.Floats)},
		Extra:      map[string][]byte{classifierFile: append(text, '\n')},
	})
	if err != nil {
		return fmt.Errorf("writing the SavedModel: %w", err)
	}
	return nil
}

func (d classifierDescription) print(w io.Writer, dir string) error {
	_, err := fmt.Fprintf(w, `wrote %s (%s, %d classes)
  %s   %s uint8 [n, height, width, 3], any size -> %s, %s [n, %d]
  %s    %s float32 [n, %d, %d, 3] in 0..1 -> the same
`, dir, d.Method, d.Classes, savedmodel.Signature, imagesInput, logitsOutput, probabilitiesOutput, d.Classes, floatSignature, imagesInput, d.Image, d.Image)
	return err
}
