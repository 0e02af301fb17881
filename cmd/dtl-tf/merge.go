package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/export"
)

var mergeCommand = command{
	name:    "merge",
	purpose: "merge an adapter into the weights of its backbone",
	details: `
Writes a plain .npz backbone that computes what the backbone computes with the adapter and whose own head is
the adapter's classifier, and beside it a JSON file with the normalisation. Only methods whose parameters can
become part of a layer's weights can be merged, such as lora and ssf.`,
	examples:    []string{"dtl-tf merge --backbone ViT-B_16.npz --adapter runs/lora/adapter.safetensors --out merged.npz"},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c        export.MergeConfig
			backbone backboneFlags
			method   methodFlags
		)
		g.add("Input and output", func(f *pflag.FlagSet) {
			f.StringVar(&c.Adapter, "adapter", "", "adapter `file` of a run (required)")
			f.StringVar(&c.Out, "out", "", "the merged backbone, an .npz `file` (required)")
			f.BoolVar(&c.Overwrite, "overwrite", false, "replace --out")
		})
		backbone.define(g, true)
		method.define(g, "`name` of the method, for adapter files that do not record it", "")
		return func(ctx context.Context, args []string, io streams) error {
			if err := noArgs("merge", args); err != nil {
				return err
			}
			var err error
			if c.Backbone, err = backbone.config(); err != nil {
				return err
			}
			c.Method = method.config(g)
			sidecar, err := export.Merge(ctx, c, runner.UI{Err: io.err})
			if err != nil {
				return fmt.Errorf("merge: %w", err)
			}
			fmt.Fprintf(io.out, "wrote %s and %s\n", c.Out, sidecar)
			return nil
		}
	},
}
