package main

import (
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
)

// backboneFlags are the flags of every command that reads a backbone.
type backboneFlags struct {
	path      string
	heads     int
	image     int
	mean, std string
}

func (b *backboneFlags) define(g *groups, named bool) {
	g.add("Backbone", func(f *pflag.FlagSet) {
		if named {
			f.StringVar(&b.path, "backbone", "", "a .npz or .safetensors `file`, the index of its shards, the folder of a model or of a SavedModel, or hf:OWNER/NAME[@REVISION] for a model of a hub (default: the built-in small ViT)")
		}
		f.IntVar(&b.heads, "heads", 0, "number of attention `heads` of a ViT, which .safetensors files do not record (default: from the JSON beside the file, or 64-wide heads)")
		f.IntVar(&b.image, "image-size", 0, "side of the input in `pixels`; position embeddings or biases are resampled (default: that of the backbone's training; 224 for a Swin's .safetensors)")
		f.StringVar(&b.mean, "mean", "", "mean `r,g,b` to subtract from images in 0..1 (default: from the JSON beside the file, or as usual for the network)")
		f.StringVar(&b.std, "std", "", "standard deviation `r,g,b` to divide by (default: from the JSON beside the file, or as usual for the network)")
	})
}

// config returns the flags' configuration. screen shows the download of a backbone from a hub.
func (b *backboneFlags) config(screen streams, quiet bool) (runner.BackboneConfig, error) {
	c := runner.BackboneConfig{Path: b.path, Heads: b.heads, ImageSize: b.image}
	if !quiet {
		c.Screen = screen.err
	}
	var err error
	if c.Mean, err = parseChannels("mean", b.mean); err != nil {
		return c, err
	}
	c.Std, err = parseChannels("std", b.std)
	return c, err
}

// parseChannels reads one number for all channels, "0.5", or one for each, "0.485,0.456,0.406". It returns nil for "".
func parseChannels(flag, text string) (*[3]float64, error) {
	if text == "" {
		return nil, nil
	}
	parts := strings.Split(text, ",")
	if len(parts) == 1 {
		parts = []string{parts[0], parts[0], parts[0]}
	}
	if len(parts) != 3 {
		return nil, usagef("--%s %q: give one number, or three separated by commas", flag, text)
	}
	var out [3]float64
	for i, p := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil {
			return nil, usagef("--%s %q: %q is not a number", flag, text, p)
		}
		out[i] = v
	}
	return &out, nil
}
