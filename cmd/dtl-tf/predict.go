package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"dtl-tf/runner/infer"
)

var predictCommand = command{
	name:    "predict",
	args:    "IMAGE|FOLDER...",
	purpose: "classify images",
	details: `
Prints one line per image: its path, the label (a number, and the class's name if the adapter has one) and
the probability, separated by tabs. A path or name that would break the line, is not UTF-8, or begins with a
quotation mark is quoted, with escapes such as \t and \xff. Without --adapter, the backbone's own head is
used. --saved-model takes everything from a folder that 'dtl-tf export' wrote.`,
	examples: []string{
		"dtl-tf predict --backbone ViT-B_16.npz --adapter runs/eurosat/adapter.safetensors photo.jpg",
		"dtl-tf predict --adapter runs/digits/adapter.safetensors --json data/digits/images/test",
		"dtl-tf predict --saved-model saved_models/eurosat photo.jpg",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c       infer.PredictConfig
			adapted adaptedFlags
			asJSON  bool
		)
		g.add("Input and output", func(f *pflag.FlagSet) {
			adapted.file(f, "default: the backbone's own head")
			f.StringVar(&c.SavedModel, "saved-model", "", "`folder` of an exported model, instead of a backbone and an adapter")
			f.BoolVar(&c.SkipBadImages, "skip-bad-images", false, "report images that can't be read and continue, instead of stopping")
			f.BoolVar(&asJSON, "json", false, `print {"image":..,"label":..,"logits":[..]}, one per line`)
		})
		adapted.define(g)
		g.add("Machine", func(f *pflag.FlagSet) {
			f.IntVar(&c.Batch, "batch", 32, "`images` at a time")
			f.IntVar(&c.Threads, "threads", 0, "`threads` of TensorFlow (default: all that the process may use)")
		})
		return func(ctx context.Context, args []string, io streams) error {
			if len(args) == 0 {
				return usagef("name at least one image or folder")
			}
			var err error
			if c.AdaptedConfig, err = adapted.config(g, io); err != nil {
				return err
			}
			c.Images = args
			show := func(p infer.Prediction) error {
				if asJSON {
					return printJSON(io.out, p)
				}
				_, err := fmt.Fprintln(io.out, p)
				return err
			}
			return infer.Predict(ctx, c, io.ui(false), show)
		}
	},
}

// printJSON prints a value on one line.
func printJSON(w io.Writer, v any) error {
	return json.NewEncoder(w).Encode(v)
}
