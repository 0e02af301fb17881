package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner/export"
)

var exportModelCommand = command{
	name:    "export",
	purpose: "write a backbone with an adapter as a TensorFlow SavedModel",
	details: `
The SavedModel classifies images without this program. Its signature serving_default takes RGB images of
any size as bytes [n, height, width, 3] and resizes and normalises them as in training. The signature
resized_0_to_1 takes float images in 0..1 of the model's own size and only normalises them. Both return
logits and probabilities [n, classes]. assets.extra/classifier.json has the names of the classes and the
origin of the model.

Several adapters of one backbone become one SavedModel, with the backbone's weights once. It has a signature
for each task, named as in --adapter NAME=FILE, and serving_default and resized_0_to_1 give TASK_logits and
TASK_probabilities of all tasks, with what their methods leave as it is computed once.

TensorFlow Serving expects one folder per version: copy the SavedModel to NAME/1.`,
	examples: []string{
		"dtl-tf export --backbone ViT-B_16.npz --adapter runs/eurosat/adapter.safetensors --out saved_models/eurosat",
		"dtl-tf export --backbone ViT-B_16.npz --adapter cats=runs/cats --adapter tiles=runs/tiles --out saved_models/both",
		"dtl-tf predict --saved-model saved_models/eurosat photo.jpg",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c       export.ClassifierConfig
			adapted adaptedFlags
		)
		g.add("Input and output", func(f *pflag.FlagSet) {
			adapted.files(f, "required")
			f.StringVar(&c.Out, "out", "", "`folder` of the SavedModel (required)")
			f.BoolVar(&c.Overwrite, "overwrite", false, "replace the SavedModel in --out")
		})
		adapted.define(g)
		return func(ctx context.Context, args []string, io streams) error {
			var err error
			if c.AdaptedConfig, err = adapted.config(g, io); err != nil {
				return err
			}
			if export.Several(adapted.adapters) {
				return export.Tasks(ctx, export.TasksConfig{AdaptedConfig: c.AdaptedConfig, Adapters: adapted.adapters, Out: c.Out, Overwrite: c.Overwrite}, io.ui(false))
			}
			if c.Adapter, err = export.OneAdapter(adapted.adapters); err != nil {
				return err
			}
			return export.Classifier(ctx, c, io.ui(false))
		}
	},
}
