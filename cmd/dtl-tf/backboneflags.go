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
			f.StringVar(&b.path, "backbone", "", "a Google `.npz` file, a timm-named .safetensors file or a SavedModel folder (default: the built-in small ViT)")
		}
		f.IntVar(&b.heads, "heads", 0, "attention `heads`, where a .safetensors file's heads are not 64 wide")
		f.IntVar(&b.image, "image-size", 0, "side of the input in `pixels`; position embeddings are resampled (default: as the backbone was trained)")
		f.StringVar(&b.mean, "mean", "", "`r,g,b` that is subtracted from images in 0..1 (default: the JSON beside the file, or 0.5)")
		f.StringVar(&b.std, "std", "", "`r,g,b` by which they are then divided (default: the JSON beside the file, or 0.5)")
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

// methodFlags are the settings of a method; those the user gave are told from the defaults, so that
// they can be held against what an adapter file says.
type methodFlags struct {
	method       string
	rank, kernel int
	beta         float64
	feedback     int
	pool         string
}

func (m *methodFlags) define(g *groups, method string, defaultMethod string) {
	g.add("Method", func(f *pflag.FlagSet) {
		f.StringVar(&m.method, "method", defaultMethod, method)
		f.IntVar(&m.rank, "rank", 0, "`rank` of the low-rank maps of dtl and dtl+ (default 2)")
		f.Float64Var(&m.beta, "beta", 0, "slope of theta(h) = h sigmoid(`beta` h) (default 100)")
		f.IntVar(&m.feedback, "feedback-from", 0, "first `block`, counted from 0, whose output theta(h) is added to (default: half the blocks, 6 of 12)")
		f.IntVar(&m.kernel, "kernel", 0, "side `k` of the depth-wise convolution of dtl+; the paper uses 3, 4 and 5 (default 3)")
		f.StringVar(&m.pool, "pool", "", "what the classifier sees: `mean` of the patch tokens or cls (default: mean for dtl and dtl+, cls for the others)")
	})
}

func (m *methodFlags) config(g *groups) runner.MethodConfig {
	c := runner.MethodConfig{Pool: m.pool}
	if g.changed("method") || m.method != "" {
		c.Method = m.method
	}
	given := func(name string, set func()) {
		if g.changed(name) {
			set()
		}
	}
	given("rank", func() { c.Rank = &m.rank })
	given("beta", func() { c.Beta = &m.beta })
	given("feedback-from", func() { c.FeedbackFrom = &m.feedback })
	given("kernel", func() { c.Kernel = &m.kernel })
	return c
}
