package runner

import (
	"context"

	"dtl-tf/graph/backbone"
	"dtl-tf/runner/result"
)

// Describe reads a backbone and says what a result's record says about it. What is guessed about it is noted.
func (c BackboneConfig) Describe(ctx context.Context, ui UI) (result.Backbone, error) {
	bb, err := c.Load(ctx)
	if err != nil {
		return result.Backbone{}, err
	}
	NoteSources(bb, false, ui.Note)
	return DescribeBackbone(bb), nil
}

// DescribeBackbone is what a result's record says about a backbone.
func DescribeBackbone(bb *backbone.Backbone) result.Backbone {
	path := bb.Path
	if path == "" {
		path = "random " + bb.Architecture.String()
	}
	return result.Backbone{
		Path: path, SHA256: bb.SHA256, Architecture: bb.Architecture.String(), Parameters: backbone.Parameters(bb.Architecture),
		ImageSize: bb.ImageSize(), Mean: bb.Mean[:], Std: bb.Std[:], Heads: bb.Heads(), Eps: bb.NormEps(),
		Sources: map[string]string{
			"blocks": string(bb.Sources.Blocks), "heads": string(bb.Sources.Heads), "layer_norm_eps": string(bb.Sources.Eps),
			"mean": string(bb.Sources.Mean), "std": string(bb.Sources.Std),
		},
	}
}
