package main

import (
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
)

// backboneFlags are accepted by every command that reads a backbone.
type backboneFlags struct {
	path      string
	heads     int
	image     int
	mean, std string
}

func (b *backboneFlags) define(g *groups, named bool) {
	g.add("Backbone", func(f *pflag.FlagSet) {
		if named {
			f.StringVar(&b.path, "backbone", "", "a Google .npz `file`, a timm-named .safetensors file or a SavedModel folder (default: the built-in small ViT)")
		}
		f.IntVar(&b.heads, "heads", 0, "attention `heads`, which a .safetensors file does not tell (default: the JSON beside the file, or 64-wide heads)")
		f.IntVar(&b.image, "image-size", 0, "side of the input in `pixels`; position embeddings are resampled (default: as the backbone was trained)")
		f.StringVar(&b.mean, "mean", "", "what is subtracted from images in 0..1, `r,g,b` (default: the JSON beside the file, or 0.5)")
		f.StringVar(&b.std, "std", "", "by what they are then divided, `r,g,b` (default: the JSON beside the file, or 0.5)")
	})
}

func (b *backboneFlags) config() (runner.BackboneConfig, error) {
	c := runner.BackboneConfig{Path: b.path, Heads: b.heads, ImageSize: b.image}
	var err error
	if c.Mean, err = parseChannels("mean", b.mean); err != nil {
		return c, err
	}
	c.Std, err = parseChannels("std", b.std)
	return c, err
}

// parseChannels reads "0.5" for all channels or "0.485,0.456,0.406"; nil for the empty string.
func parseChannels(flag, text string) (*[3]float64, error) {
	if text == "" {
		return nil, nil
	}
	parts := strings.Split(text, ",")
	if len(parts) == 1 {
		parts = []string{parts[0], parts[0], parts[0]}
	}
	if len(parts) != 3 {
		return nil, usagef("--%s %q: wanted is one number, or three with commas between them", flag, text)
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
