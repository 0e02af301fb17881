package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/export"
)

var inspectCommand = command{
	name:    "backbone inspect",
	args:    "[FILE]",
	purpose: "print the family, sizes and normalisation of a backbone, and where each value comes from",
	examples: []string{
		"dtl-tf backbone inspect ViT-B_16.npz",
		"dtl-tf backbone inspect dinov2-small/",
		"dtl-tf backbone inspect --json saved_models/default",
		"dtl-tf backbone inspect hf:timm/vit_base_patch16_224.augreg_in21k",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			backbone backboneFlags
			asJSON   bool
		)
		backbone.define(g, false)
		g.add("Output", func(f *pflag.FlagSet) { f.BoolVar(&asJSON, "json", false, "print JSON") })
		return func(ctx context.Context, args []string, io streams) error {
			c, err := backbone.file(args, io)
			if err != nil {
				return err
			}
			info, err := runner.Inspect(ctx, c)
			if err != nil {
				return err
			}
			if info.Note != "" {
				fmt.Fprintln(io.err, info.Note)
			}
			if asJSON {
				return printJSON(io.out, info)
			}
			return info.Print(io.out)
		}
	},
}

var exportCommand = command{
	name:    "backbone export",
	args:    "[FILE]",
	purpose: "write a backbone as a TensorFlow SavedModel",
	details: `
The SavedModel's signature serving_default takes float images [n, size, size, 3] in 0..1 and returns
the pooled features [n, width]. TensorFlow can load it, and so can --backbone.`,
	examples:    []string{"dtl-tf backbone export ViT-B_16.npz --out saved_models/vit_b16"},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			backbone backboneFlags
			c        export.BackboneConfig
		)
		g.add("Output", func(f *pflag.FlagSet) {
			f.StringVar(&c.Out, "out", "", "`folder` of the SavedModel (required)")
			f.StringVar(&c.Pool, "pool", "", "pooling of the features, a `pool`: mean, cls, mean+cls or map, which are the mean of the patch tokens, the class token, both, or SigLIP's attention pooling (default: the input of the backbone's own head)")
			accept(f, "pool", runner.Pools()...)
			f.StringVar(&c.Stored, "stored", string(graph.FP32), "`precision` of the stored weights: fp32, or fp16 in half the space, rounded")
			accept(f, "stored", string(graph.FP32), string(graph.FP16))
			f.BoolVar(&c.Overwrite, "overwrite", false, "replace the SavedModel in --out")
		})
		backbone.define(g, false)
		return func(ctx context.Context, args []string, io streams) error {
			var err error
			if c.BackboneConfig, err = backbone.file(args, io); err != nil {
				return err
			}
			if c.Out == "" {
				return usagef("--out is required")
			}
			if err := export.Backbone(ctx, c, io.ui(false)); err != nil {
				return err
			}
			fmt.Fprintf(io.out, "wrote %s\n", c.Out)
			return nil
		}
	},
}

// file is the configuration for commands whose argument is a backbone. Without an argument it is the built-in one.
func (b *backboneFlags) file(args []string, screen streams) (runner.BackboneConfig, error) {
	if len(args) > 1 {
		return runner.BackboneConfig{}, usagef("one backbone at a time, not %d", len(args))
	}
	if len(args) == 1 {
		b.path = args[0]
	}
	return b.config(screen, false)
}
