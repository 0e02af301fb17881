package backbone

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	tf "github.com/wamuir/graft/tensorflow"
	"golang.org/x/sync/errgroup"

	"dtl-tf/graph"
	"dtl-tf/graph/limit"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/weight"
)

// Signature keys of an exported backbone.
const (
	ImagesInput    = "images"   // float32 [?, S, S, 3], values 0..1, not normalised
	FeaturesOutput = "features" // float32 [?, d], pooled, after the final LayerNorm
	LogitsOutput   = "logits"   // float32 [?, classes], if the backbone has its own head
)

// The file in assets.extra that marks a SavedModel as a backbone.
const (
	descriptionFile    = "backbone.json"
	descriptionFormat  = "dtl-tf backbone"
	descriptionVersion = 1
)

// savedDescription is the content of that file, besides the Description.
type savedDescription struct {
	Format       string `json:"format"`
	Version      int    `json:"version"`
	FeaturesPool Pool   `json:"features_pool"` // of the output "features"
}

// Export writes the backbone as a TensorFlow SavedModel: a new folder that TensorFlow can run and that
// Load reads back bit for bit. Its signature maps images in 0..1 to features, pooled according to pool
// ("": as for the backbone's own head), and to the logits of the own head if there is one. Variables have
// the names and shapes of the .npz layout. An existing folder is an error. With stored = graph.FP16 the file holds the weights
// rounded to float16, in half the space; the graph computes with them in float32.
func (bb *Backbone) Export(dir string, pool Pool, stored graph.Precision) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("export the backbone to %s: %w", dir, err)
		}
	}()
	defer graph.Catch(&err)
	if err := bb.Validate(); err != nil {
		return err
	}
	if pool == "" {
		pool = bb.Pool
	}
	flat, err := Flat(savedDescription{descriptionFormat, descriptionVersion, pool}, bb.Description)
	if err != nil {
		return err
	}
	var description bytes.Buffer
	if err := json.Indent(&description, append(flat, '\n'), "", "  "); err != nil {
		return err
	}
	m := savedmodel.Model{
		Builder: graph.New(graph.RecomputeNone), Variables: graph.NewVariables(), Values: bb.Weights,
		Extra: map[string][]byte{descriptionFile: description.Bytes()}, Stored: stored,
	}
	bb.inference(&m, pool)
	return savedmodel.Write(dir, m)
}

// inference builds the graph of an exported backbone.
func (bb *Backbone) inference(m *savedmodel.Model, pool Pool) {
	b := m.Builder
	images := b.Placeholder(ImagesInput, tf.Float, graph.Unknown, bb.ImageSize(), bb.ImageSize(), 3)
	for _, s := range bb.Specs() { // those too that no output depends on, so that reading returns them
		m.Variables.Declare(b, s.Name, false, s.Shape...)
	}
	var sequence graph.Value // [B, T, d]
	f := &Forward{
		Arch: bb.Architecture,
		Weight: func(name string, shape ...int) graph.Value {
			return m.Variables.Declare(b, name, false, shape...).Value
		},
		Hook: func(_ *graph.Builder, at Tap, _, out graph.Value) graph.Value {
			if at.Point == BlockOutput {
				sequence = out
			}
			return out
		},
	}
	features := f.Features(b, b.Normalise(images, bb.Mean, bb.Std), pool)
	outputs := map[string]graph.Value{FeaturesOutput: features}
	m.Signatures = map[string]savedmodel.Call{savedmodel.Signature: {Inputs: map[string]graph.Value{ImagesInput: images}, Outputs: outputs}}
	if bb.Classes() > 0 {
		if pool != bb.Pool {
			features = bb.Pooled(f, b.In("own_pool"), sequence, bb.Pool)
		}
		outputs[LogitsOutput] = bb.OwnHead(f, b.In("own_head"), features)
	}
}

// LoadFS reads a backbone written by Export from any file system. name is used as its path in errors and results.
func LoadFS(ctx context.Context, dir fs.FS, name string, o Options) (*Backbone, error) {
	bb, err := readSavedModelFS(ctx, dir, name)
	if err != nil {
		return nil, err
	}
	if err := bb.override(o); err != nil {
		return nil, fmt.Errorf("backbone %s: %w", name, err)
	}
	return bb, nil
}

func readSavedModelFS(ctx context.Context, dir fs.FS, name string) (*Backbone, error) {
	fail := func(err error) (*Backbone, error) { return nil, fmt.Errorf("backbone %s: %w", name, err) }
	if err := savedmodel.Check(dir); err != nil {
		return fail(err)
	}
	d, err := readDescription(dir)
	if err != nil {
		return fail(err)
	}
	var sum string
	var hashing errgroup.Group // on another core, while the tensors are decoded
	hashing.Go(func() (err error) {
		sum, err = savedmodel.SHA256(ctx, dir, descriptionFile)
		return err
	})
	values, err := savedmodel.ReadVariables(ctx, dir)
	if err != nil {
		return fail(err)
	}
	if n := len(d.Blocks()); n > len(values) { // a wrong depth must not expand to a million names
		return fail(fmt.Errorf("%s says %d blocks, the variables hold only %d tensors", descriptionFile, n, len(values)))
	}
	file := &weight.File{Path: name, Format: "savedmodel", Tensors: values}
	if err := file.CheckFinite(ctx); err != nil {
		return nil, fmt.Errorf("backbone: %w", err)
	}
	weights, err := Check(file, values, d.Architecture)
	if err != nil {
		return nil, fmt.Errorf("backbone: %w", err)
	}
	if err := hashing.Wait(); err != nil {
		return fail(err)
	}
	return &Backbone{Description: d, Weights: weights, Path: name, Format: file.Format, Naming: OwnNaming, SHA256: sum, Sources: every(FromFile)}, nil
}

func readDescription(dir fs.FS) (Description, error) {
	where := savedmodel.ExtraDir + "/" + descriptionFile
	raw, err := limit.ReadFS(dir, where, limit.Text)
	if errors.Is(err, fs.ErrNotExist) {
		return Description{}, fmt.Errorf("this SavedModel was not written by dtl-tf: %s, which tells the architecture, is missing (make one with: dtl-tf backbone export)", where)
	}
	if err != nil {
		return Description{}, err
	}
	var saved savedDescription
	if err := json.Unmarshal(raw, &saved); err != nil {
		return Description{}, fmt.Errorf("%s: %w", where, err)
	}
	switch {
	case saved.Format != descriptionFormat:
		return Description{}, fmt.Errorf("%s: format is %q, wanted %q", where, saved.Format, descriptionFormat)
	case saved.Version != descriptionVersion:
		return Description{}, fmt.Errorf("%s: version %d, this dtl-tf reads version %d", where, saved.Version, descriptionVersion)
	}
	var d Description
	if err := json.Unmarshal(raw, &d); err != nil {
		return Description{}, fmt.Errorf("%s: %w", where, err)
	}
	if _, err := ParsePool(string(d.Pool)); err != nil {
		return Description{}, fmt.Errorf("%s: %w", where, err)
	}
	return d, nil
}
