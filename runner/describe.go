package runner

import (
	"context"

	"dtl-tf/graph/backbone"
	"dtl-tf/runner/result"
)

// NoteSources notes which values of a backbone are guessed, and which were read from files beside it. ownHead includes those of
// its own head.
func NoteSources(bb *backbone.Backbone, ownHead bool, note NoteFunc) {
	if text := bb.Note(ownHead); text != "" {
		note("%s", text)
	}
}

// Describe reads a backbone and returns its description for a record. It notes guessed values.
func (c BackboneConfig) Describe(ctx context.Context, ui UI) (result.Backbone, error) {
	bb, err := c.Load(ctx)
	if err != nil {
		return result.Backbone{}, err
	}
	NoteSources(bb, false, ui.Note)
	return DescribeBackbone(bb), nil
}

// DescribeBackbone returns the description of a backbone for a record.
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
