// Package export writes files for other programs: a backbone or a whole classifier as a SavedModel, and an adapter merged into the
// weights of its backbone.
package export

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/runner"
	"dtl-tf/runner/adapter"
)

// ClassifierConfig is the configuration of Classifier.
type ClassifierConfig struct {
	Backbone  runner.BackboneConfig
	Method    runner.MethodConfig
	Adapter   string
	Out       string // a folder
	Overwrite bool
}

// Classifier writes a backbone with an adapter as a SavedModel that classifies images, and describes it on ui.Out.
func Classifier(ctx context.Context, c ClassifierConfig, ui runner.UI) error {
	if c.Adapter == "" || c.Out == "" {
		return runner.Usagef("--adapter and --out are required")
	}
	a, err := adapter.Open(ctx, c.Backbone, c.Adapter, c.Method, ui.Note)
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
		Image: c.Arch.ImageSize(), Mean: c.Mean, Std: c.Std, Classes: c.Classes, ClassNames: a.ClassNames,
		Backbone: backboneReference{bb.Path, bb.SHA256, bb.Fingerprint()},
	}
}

func write(a *adapter.Adapted, dir string, d Description) error {
	served, err := dtl.NewServed(a.Config)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	values := maps.Clone(a.Backbone.Weights)
	maps.Copy(values, a.Adapter.Tensors)
	call := func(s dtl.Serving) savedmodel.Call {
		return savedmodel.Call{
			Inputs:  map[string]graph.Value{ImagesInput: s.Images},
			Outputs: map[string]graph.Value{LogitsOutput: s.Logits, probabilitiesOutput: s.Probabilities},
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

func (d Description) print(w io.Writer, dir string) error {
	_, err := fmt.Fprintf(w, `wrote %s (%s, %d classes)
  %s   %s uint8 [n, height, width, 3], any size -> %s, %s [n, %d]
  %s    %s float32 [n, %d, %d, 3] in 0..1 -> the same
`, dir, d.Method, d.Classes, savedmodel.Signature, ImagesInput, LogitsOutput, probabilitiesOutput, d.Classes, floatSignature, ImagesInput, d.Image, d.Image)
	return err
}
