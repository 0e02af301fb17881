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
used. --saved-model takes everything from a folder that 'dtl-tf export' wrote.

--top-k adds the next most probable classes to each line. With --threshold a line whose probability is lower
ends in the word unsure. For an adapter of --loss bce, a line has all classes of at least --threshold, or of
at least 0.5 without it, the most probable first, or none; --top-k does not apply. --csv prints a line with
the names of the columns and then one line per image.

Several adapters of one backbone are predicted in one pass: the leading blocks that their methods leave as
they are run once, and then each adapter's own part. The result is the same as one by one. --adapter is then
given more than once, as NAME=FILE or as the folder of a run, which has the name of the task, or it is a
folder of such folders. The lines have one column a task below a line with their names, with --json and --csv one
line an image and task. Methods, their options and classes may differ; adapters that change the first block, such
as lora, share the weights only. A note says what was shared.`,
	examples: []string{
		"dtl-tf predict --backbone ViT-B_16.npz --adapter runs/eurosat/adapter.safetensors photo.jpg",
		"dtl-tf predict --adapter runs/digits/adapter.safetensors --json data/digits/images/test",
		"dtl-tf predict --backbone ViT-B_16.npz --adapter cats=runs/cats --adapter tiles=runs/tiles photo.jpg",
		"dtl-tf predict --saved-model saved_models/eurosat photo.jpg",
		"dtl-tf predict --adapter runs/photos --top-k 5 --threshold 0.8 --csv new-photos > answers.csv",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c       infer.PredictConfig
			adapted adaptedFlags
			asJSON  bool
			asCSV   bool
		)
		g.add("Input and output", func(f *pflag.FlagSet) {
			adapted.files(f, "default: the backbone's own head")
			f.StringVar(&c.SavedModel, "saved-model", "", "`folder` of an exported model, instead of a backbone and an adapter")
			f.BoolVar(&c.SkipBadImages, "skip-bad-images", false, "report images that can't be read and continue, instead of stopping")
			f.IntVar(&c.TopK, "top-k", 1, "`classes` to print for each image, the most probable first")
			f.Float64Var(&c.Threshold, "threshold", 0, "`probability` below which an answer is marked as unsure (0: none is; for an adapter of --loss bce, that a class needs, default 0.5)")
			f.BoolVar(&asJSON, "json", false, `print {"image":..,"label":..,"logits":[..]}, one per line; for several adapters with "adapter":.., with --top-k "top":.., with --threshold "unsure":..`)
			f.BoolVar(&asCSV, "csv", false, "print a CSV file")
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
			if asJSON && asCSV {
				return usagef("--json and --csv contradict each other: give one of them")
			}
			c.Images, c.Adapters = args, adapted.adapters
			several := infer.Several(c.Adapters) || infer.ServesTasks(c.SavedModel)
			var table *infer.CSV
			show := func(p infer.Prediction) (err error) {
				switch {
				case asJSON:
					return printJSON(io.out, p)
				case asCSV:
					if table == nil { // not before the input has been read
						if table, err = c.NewCSV(io.out, several); err != nil {
							return err
						}
					}
					return table.Print(p)
				}
				_, err = fmt.Fprintln(io.out, p)
				return err
			}
			if several {
				return predictTasks(ctx, c, io, !asJSON && !asCSV, show)
			}
			if c.Adapter, err = infer.OneAdapter(c.Adapters); err != nil {
				return err
			}
			return infer.Predict(ctx, c, io.ui(false), show)
		}
	},
}

func predictTasks(ctx context.Context, c infer.PredictConfig, io streams, inRows bool, show func(infer.Prediction) error) error {
	begin := func(tasks []string) error {
		if !inRows {
			return nil
		}
		_, err := fmt.Fprintln(io.out, infer.Header(tasks))
		return err
	}
	return infer.PredictTasks(ctx, c, io.ui(false), begin, func(image []infer.Prediction) error {
		if inRows {
			_, err := fmt.Fprintln(io.out, infer.Row(image))
			return err
		}
		for _, p := range image {
			if err := show(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// printJSON prints a value on one line.
func printJSON(w io.Writer, v any) error {
	return json.NewEncoder(w).Encode(v)
}
