package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/export"
)

// Values of export's --format.
const savedModelFormat, onnxFormat = "savedmodel", "onnx"

var exportFormats = []string{savedModelFormat, onnxFormat}

var exportModelCommand = command{
	name:    "export",
	purpose: "write a backbone with an adapter as a TensorFlow SavedModel or an ONNX model",
	details: `
The SavedModel classifies images without this program. Its signature serving_default takes RGB images of
any size as bytes [n, height, width, 3] and resizes and normalises them as in training. The signature
resized_0_to_1 takes float images in 0..1 of the model's own size and only normalises them. Both return
logits and probabilities [n, classes]. assets.extra/classifier.json has the names of the classes and the
origin of the model.

Several adapters of one backbone become one SavedModel, with the backbone's weights once. It has a signature
for each task, named as in --adapter NAME=FILE, and serving_default and resized_0_to_1 give TASK_logits and
TASK_probabilities of all tasks, with what their methods leave as it is computed once.

TensorFlow Serving expects one folder per version: copy the SavedModel to NAME/1.

With --format onnx the result is one file for ONNX Runtime and other runtimes. Its input takes any number of
images of the model's own size, as bytes or as floats in 0..1 (--input), and its outputs are logits and
probabilities, or those of all tasks. It does not resize: scale images with a bicubic filter, as Pillow does.
The metadata of the file have what classifier.json has. Above 2 GB, the weights are in OUT.data beside it.`,
	examples: []string{
		"dtl-tf export --backbone ViT-B_16.npz --adapter runs/eurosat/adapter.safetensors --out saved_models/eurosat",
		"dtl-tf export --backbone ViT-B_16.npz --adapter cats=runs/cats --adapter tiles=runs/tiles --out saved_models/both",
		"dtl-tf predict --saved-model saved_models/eurosat photo.jpg",
		"dtl-tf export --format onnx --backbone ViT-B_16.npz --adapter runs/eurosat --out eurosat.onnx",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c       export.ONNXConfig
			format  string
			adapted adaptedFlags
		)
		g.add("Input and output", func(f *pflag.FlagSet) {
			adapted.files(f, "required")
			f.StringVar(&c.Out, "out", "", "`path` of the result: the folder of the SavedModel, or a file .onnx (required)")
			f.BoolVar(&c.Overwrite, "overwrite", false, "replace the model in --out")
			f.StringVar(&format, "format", savedModelFormat, "`format` of the result: "+strings.Join(exportFormats, " or "))
			accept(f, "format", exportFormats...)
		})
		g.add("ONNX", func(f *pflag.FlagSet) {
			f.StringVar(&c.Input, "input", export.ONNXInputs[0], "`type` of the images: "+strings.Join(export.ONNXInputs, " or ")+", which are bytes and numbers in 0..1")
			accept(f, "input", export.ONNXInputs...)
			f.BoolVar(&c.ExternalData, "external-data", false, "put the weights into a second file even below 2 GB")
		})
		adapted.define(g)
		return func(ctx context.Context, args []string, io streams) error {
			if !slices.Contains(exportFormats, format) {
				return runner.Unknown("format", format, exportFormats)
			}
			for _, flag := range []string{"input", "external-data"} {
				if format != onnxFormat && g.all.Changed(flag) {
					return usagef("--%s is for --format %s", flag, onnxFormat)
				}
			}
			var err error
			if c.AdaptedConfig, err = adapted.config(g, io); err != nil {
				return err
			}
			if c.Adapters = adapted.adapters; format == onnxFormat {
				return export.ONNX(ctx, c, io.ui(false))
			}
			if export.Several(adapted.adapters) {
				return export.Tasks(ctx, export.TasksConfig{AdaptedConfig: c.AdaptedConfig, Adapters: adapted.adapters, Out: c.Out, Overwrite: c.Overwrite}, io.ui(false))
			}
			if c.Adapter, err = export.OneAdapter(adapted.adapters); err != nil {
				return err
			}
			return export.Classifier(ctx, export.ClassifierConfig{AdaptedConfig: c.AdaptedConfig, Out: c.Out, Overwrite: c.Overwrite}, io.ui(false))
		}
	},
}
