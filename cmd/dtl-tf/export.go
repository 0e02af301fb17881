package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
)

var exportModelCommand = command{
	name:    "export",
	purpose: "write a backbone with an adapter as a TensorFlow SavedModel",
	details: `
The SavedModel classifies images without this program. Its signature serving_default takes images as
bytes [n, height, width, 3], red, green, blue, of any size, and resizes and normalises them as
training did; resized_0_to_1 takes float images of the model's own size in 0..1, which are only
normalised. Both give logits and probabilities [n, classes]. The classes' names and how the model was
made are in assets.extra/classifier.json.

TensorFlow Serving wants a folder for each version: copy the SavedModel to NAME/1.`,
	examples: []string{
		"dtl-tf export --backbone ViT-B_16.npz --adapter runs/eurosat/adapter.safetensors --out saved_models/eurosat",
		"dtl-tf predict --saved-model saved_models/eurosat photo.jpg",
	},
	keeps: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c        runner.ExportConfig
			backbone backboneFlags
			method   methodFlags
		)
		g.add("Input and output", func(f *pflag.FlagSet) {
			f.StringVar(&c.Adapter, "adapter", "", "adapter `file` of a run (required)")
			f.StringVar(&c.Out, "out", "", "`folder` of the SavedModel (required)")
			f.BoolVar(&c.Overwrite, "overwrite", false, "replace the SavedModel that is in --out")
		})
		backbone.define(g, true)
		method.define(g, "`name` of the method, for adapters that do not say", "")
		return func(ctx context.Context, args []string, io streams) error {
			if err := noArgs("export", args); err != nil {
				return err
			}
			var err error
			if c.Backbone, err = backbone.config(); err != nil {
				return err
			}
			c.Method = method.config(g)
			if err := runner.ExportModel(ctx, c, runner.UI{Out: io.out, Err: io.err, Version: version}); err != nil {
				return fmt.Errorf("export: %w", err)
			}
			return nil
		}
	},
}
