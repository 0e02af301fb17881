package runner

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"dtl-tf/graph/backbone"
	"dtl-tf/runner/hub"
	"dtl-tf/runner/result"
)

// NoteSources notes which values of a backbone are guessed, and which were read from files beside it. ownHead includes those of
// its own head.
func NoteSources(bb *backbone.Backbone, ownHead bool, note NoteFunc) {
	NoteAll([]string{sourcesNote(bb, ownHead)}, note)
}

// sourcesNote is bb.Note, with the flags for a normalisation that is guessed.
func sourcesNote(bb *backbone.Backbone, ownHead bool) string {
	text := bb.Note(ownHead)
	if s := bb.Sources; s.Mean == backbone.FromGuess || s.Std == backbone.FromGuess {
		text += "; the normalisation is assumed: if the model card says otherwise, set it, such as to ImageNet's with --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 (DeiT, DINO, MAE) or to --mean 0.5 --std 0.5"
	}
	return text
}

// DescribeBackbone returns the description of a backbone for a record.
func DescribeBackbone(bb *backbone.Backbone) result.Backbone {
	path := bb.Path
	if path == "" {
		path = "random " + bb.Architecture.String()
	}
	repo, commit, _ := hub.Origin(bb.Path)
	sources := map[string]string{
		"blocks": string(bb.Sources.Blocks), "heads": string(bb.Sources.Heads), "image_size": string(bb.Sources.Image), "layer_norm_eps": string(bb.Sources.Eps),
		"mean": string(bb.Sources.Mean), "std": string(bb.Sources.Std),
	}
	if s := bb.Sources.Activation; s != "" {
		sources["activation"] = string(s)
	}
	return result.Backbone{
		Repo: repo, Commit: commit, Path: path, SHA256: bb.SHA256, Architecture: bb.Architecture.String(), Parameters: backbone.Parameters(bb.Architecture),
		ImageSize: bb.ImageSize(), Mean: bb.Mean[:], Std: bb.Std[:], Heads: bb.Heads(), Eps: bb.NormEps(),
		Sources: sources,
	}
}

// BackboneInfo describes a backbone file. Its JSON form is one flat object.
type BackboneInfo struct {
	file
	backbone.Description
	derived
}

type file struct {
	Path   string `json:"path"`
	Repo   string `json:"repo,omitempty"`   // of a backbone from a hub
	Commit string `json:"commit,omitempty"` // of Repo
	Format string `json:"format"`
	SHA256 string `json:"sha256"`
	Naming string `json:"naming"` // whose names its tensors have
}

type derived struct {
	Lineage    string           `json:"lineage,omitempty"`
	Tokens     int              `json:"tokens"`     // of the first block
	Parameters int              `json:"parameters"` // without its own head
	Sources    backbone.Sources `json:"sources"`
	Several    bool             `json:"several,omitempty"` // an image has any number of the own head's classes
	Note       string           `json:"note,omitempty"`    // guessed values, and values from files beside the backbone
}

// MarshalJSON implements json.Marshaler.
func (i BackboneInfo) MarshalJSON() ([]byte, error) {
	return backbone.Flat(i.file, i.Description, i.derived)
}

// Inspect reads a backbone and describes it.
func Inspect(ctx context.Context, c BackboneConfig) (BackboneInfo, error) {
	bb, err := c.Load(ctx)
	if err != nil {
		return BackboneInfo{}, err
	}
	repo, commit, _ := hub.Origin(bb.Path)
	return BackboneInfo{
		file{bb.Path, repo, commit, bb.Format, bb.SHA256, bb.Naming}, bb.Description,
		derived{bb.Lineage(), bb.Blocks()[0].Tokens(), backbone.Parameters(bb.Architecture), bb.Sources, bb.Answers.Several, sourcesNote(bb, true)},
	}, nil
}

// Print writes the description as aligned text.
func (i BackboneInfo) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", args...) }
	row("file", "%s (%s)", i.Path, i.Format)
	if i.Repo != "" {
		row("hub", "%s, commit %s", i.Repo, i.Commit)
	}
	row("sha256", "%s", i.SHA256)
	if i.Lineage != "" {
		row("family", "%s, as %s (%s)", backbone.Title(i.Family()), i.Lineage, backbone.FromFile)
	} else {
		row("family", "%s (%s)", backbone.Title(i.Family()), backbone.FromFile)
	}
	row("names", "%s", i.Naming)
	stages := stagesOf(i.Blocks())
	heads := stages.list(func(b backbone.Block) int { return b.Heads })
	row("architecture", "%s, %s blocks, width %s, %s heads, MLP %s", backbone.Title(i.Family()), stages.depths(),
		stages.list(func(b backbone.Block) int { return b.Width }), heads, stages.list(func(b backbone.Block) int { return b.MLP }))
	if len(stages) > 1 {
		row("description", "%s", i.Architecture)
	}
	origin := ""
	if s := i.Sources.Image; s != backbone.FromFile {
		origin = fmt.Sprintf(" (%s)", i.from(s))
	}
	row("input", "%d x %d pixels%s, patches of %d x %d, %d tokens", i.ImageSize(), i.ImageSize(), origin, i.PatchSize(), i.PatchSize(), i.Tokens)
	row("blocks", "pre-norm (%s)", i.from(i.Sources.Blocks))
	row("activation", "%s (%s)", i.Activation(), i.from(cmp.Or(i.Sources.Activation, i.Sources.Blocks)))
	row("heads", "%s (%s)", heads, i.from(i.Sources.Heads))
	row("layer_norm_eps", "%v (%s)", i.NormEps(), i.from(i.Sources.Eps))
	row("normalisation", "mean %v (%s), std %v (%s)", i.Mean, i.from(i.Sources.Mean), i.Std, i.from(i.Sources.Std))
	row("pooling", "%s (%s)", i.Pool, i.from(i.Sources.Pool))
	row("parameters", "%d without its own head", i.Parameters)
	if i.Several {
		row("own head", "%d classes, of which an image has any number, sees %s", i.Classes(), i.Pool)
	} else if i.Classes() > 0 {
		row("own head", "%d classes, sees %s", i.Classes(), i.Pool)
	} else {
		row("own head", "none")
	}
	return t.Flush()
}

// from is a source in words.
func (i BackboneInfo) from(s backbone.Source) string {
	if s == backbone.FromLineage {
		return "usual for " + i.Lineage
	}
	return string(s)
}

// stages are the blocks of a backbone by stage.
type stages [][]backbone.Block

func stagesOf(blocks []backbone.Block) (list stages) {
	for _, b := range blocks {
		if b.Stage == len(list) {
			list = append(list, nil)
		}
		list[b.Stage] = append(list[b.Stage], b)
	}
	return list
}

// list is a size of the blocks, one number for each stage: "128-256".
func (s stages) list(size func(backbone.Block) int) string {
	var sizes []string
	for _, blocks := range s {
		sizes = append(sizes, strconv.Itoa(size(blocks[0])))
	}
	return strings.Join(sizes, "-")
}

// depths is the number of blocks, one for each stage.
func (s stages) depths() string {
	var counts []string
	for _, blocks := range s {
		counts = append(counts, strconv.Itoa(len(blocks)))
	}
	return strings.Join(counts, "-")
}
