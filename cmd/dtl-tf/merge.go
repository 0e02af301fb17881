package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

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
			c       export.MergeConfig
			adapted adaptedFlags
		)
		g.add("Input and output", func(f *pflag.FlagSet) {
			adapted.file(f, "required")
			f.StringVar(&c.Out, "out", "", "the merged backbone, an .npz `file` (required)")
			f.BoolVar(&c.Overwrite, "overwrite", false, "replace --out")
		})
		adapted.define(g)
		return func(ctx context.Context, args []string, io streams) error {
			var err error
			if c.AdaptedConfig, err = adapted.config(g, io); err != nil {
				return err
			}
			sidecar, err := export.Merge(ctx, c, io.ui(false))
			if err != nil {
				return err
			}
			fmt.Fprintf(io.out, "wrote %s and %s\n", c.Out, sidecar)
			return nil
		}
	},
}
