package runner

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"dtl-tf/graph/backbone"
)

// BackboneInfo is what there is to know about a backbone file.
type BackboneInfo struct {
	Path   string `json:"path"`
	Format string `json:"format"`
	SHA256 string `json:"sha256"`
	backbone.Description
	Tokens     int              `json:"tokens"`
	Parameters int              `json:"parameters"` // without its own head
	Sources    backbone.Sources `json:"sources"`
	Note       string           `json:"note,omitempty"` // what is guessed or was taken from files beside it
}

// Inspect reads a backbone and describes it.
func Inspect(ctx context.Context, c BackboneConfig) (BackboneInfo, error) {
	bb, err := c.load(ctx)
	if err != nil {
		return BackboneInfo{}, err
	}
	return BackboneInfo{
		Path: bb.Path, Format: bb.Format, SHA256: bb.SHA256, Description: bb.Description,
		Tokens: bb.Tokens(), Parameters: backbone.Parameters(bb.Architecture), Sources: bb.Sources, Note: bb.Note(true),
	}, nil
}

// Print writes the information for people.
func (i BackboneInfo) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", args...) }
	row("file", "%s (%s)", i.Path, i.Format)
	row("sha256", "%s", i.SHA256)
	row("architecture", "ViT, %d blocks, width %d, %d heads, MLP %d", i.Depth, i.Width, i.Heads, i.MLP)
	row("input", "%d x %d pixels, patches of %d x %d, %d tokens", i.Image, i.Image, i.Patch, i.Patch, i.Tokens)
	row("blocks", "pre-norm, GELU (%s)", i.Sources.Blocks)
	row("heads", "%d (%s)", i.Heads, i.Sources.Heads)
	row("layer_norm_eps", "%v (%s)", i.Eps, i.Sources.Eps)
	row("normalisation", "mean %v (%s), std %v (%s)", i.Mean, i.Sources.Mean, i.Std, i.Sources.Std)
	row("parameters", "%d without its own head", i.Parameters)
	if i.Classes > 0 {
		row("own head", "%d classes, sees %s (%s)", i.Classes, i.Pool, i.Sources.Pool)
	} else {
		row("own head", "none")
	}
	return t.Flush()
}
