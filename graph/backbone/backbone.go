package backbone

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"

	"dtl-tf/graph/spell"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// Backbone is a pre-trained network: its architecture, its input normalisation and its weights.
type Backbone struct {
	Description
	Weights tensor.Map // by the names of Specs
	Path    string     // of the file or folder, "" for random weights
	Format  string     // "npz", "safetensors", "savedmodel" or "random"
	Naming  string     // whose names the file's tensors have, such as "timm"; "" for random weights
	SHA256  string     // of the file's bytes, or of names, shapes and values if there is no single file

	Sources Sources // of the values that tensors do not determine
	Answers Answers // of the own head

	naming      *Naming  // nil if no family recognised the names of the tensors
	sidecar     Source   // the companion JSON in this program's own form
	remarks     []string // about companion files, for Note
	fingerprint string   // cached
}

// Options override what a file says or leaves open.
type Options struct {
	Heads int         // for .safetensors, whose shapes leave it open; 0: from a companion JSON, or heads 64 wide
	Image int         // side of the input in pixels; what depends on the grid is resampled; 0: as trained
	Mean  *[3]float64 // input normalisation; nil: from a companion JSON, or the family's
	Std   *[3]float64
	Eps   float64 // layer_norm_eps with which an adapter was trained; 0: from a companion JSON, or the family's

	// Activation is that with which an adapter was trained; "": from a companion JSON, or the usual one.
	Activation Activation

	// Memory is the number of bytes that reading may take. A file that needs more is refused before its tensors are read. 0: any.
	Memory int64
	// Held, if it is not 0, leaves the elements of large weights in the file (see tensor.Deferred): they are read whenever they are wanted.
	// It is the number of bytes that each will take where they are wanted, which Memory then has to suffice for. SavedModels are read at once.
	Held int

	// Beside reports tensors of the file that do not belong to the backbone. nil: there are none.
	Beside func(name string) bool
}

// Names of settings in errors (see spell.SettingError).
const (
	HeadsSetting     = "the number of heads"
	ImageSizeSetting = "image size"
)

// headWidth is the usual width of an attention head, the same in all ViTs of the papers.
const headWidth = 64

// Load reads a backbone from a .npz or .safetensors file with the names of any library, from the shards that an index lists, from a folder as a model hub leaves
// it, or from a SavedModel folder. When ctx ends it returns ctx's error.
func Load(ctx context.Context, path string, o Options) (*Backbone, error) {
	file, isSavedModel, err := locate(path)
	if err != nil {
		return nil, err
	}
	if isSavedModel {
		return LoadFS(ctx, os.DirFS(file), file, o)
	}
	bb, err := readFile(ctx, file, o)
	if err != nil {
		return nil, err
	}
	if err := bb.override(o); err != nil {
		return nil, fmt.Errorf("backbone %s: %w", file, err)
	}
	if o.Held > 0 { // reading for it later could fail where nobody expects it
		if bb.fingerprint, err = bb.body().Hash(); err != nil {
			return nil, fmt.Errorf("backbone: %w", err)
		}
	}
	return bb, nil
}

func readFile(ctx context.Context, path string, o Options) (*Backbone, error) {
	f, naming, err := readWeights(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("backbone: %w", err)
	}
	bb := &Backbone{Path: path, Format: f.Format, SHA256: f.SHA256, naming: naming}
	if err := bb.read(ctx, f, o); err != nil {
		return nil, fmt.Errorf("backbone: %w", err)
	}
	return bb, nil
}

// readWeights reads the tensors of a file, after it has judged by their names and shapes whether they are those of a vision
// transformer at all and whether they fit into memory: a file may have gigabytes.
func readWeights(ctx context.Context, path string, o Options) (*weight.File, *Naming, error) {
	outline, err := weight.Outline(path)
	if err != nil {
		return nil, nil, err
	}
	o.dropBeside(outline)
	renamed, _, err := rename(outline)
	if err != nil {
		return nil, nil, err
	}
	family, l := layoutOf(renamed)
	if !hasPatchEmbedding(renamed.Tensors) {
		if _, err := l.Shapes(renamed); err != nil {
			return nil, nil, explain(err, family, outline.Tensors, nil)
		}
	}
	if err := checkMemory(outline, o); err != nil {
		return nil, nil, explain(err, family, outline.Tensors, nil)
	}
	open := weight.OpenContext
	if o.Held > 0 {
		open = weight.OpenDeferred
	}
	f, err := open(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	o.dropBeside(f)
	used := &weight.File{Path: f.Path, Tensors: maps.Clone(f.Tensors)} // a tensor without effect may hold anything
	maps.DeleteFunc(used.Tensors, func(name string, _ tensor.Tensor) bool { return family.Unused(f.Tensors, name) })
	f, naming, err := rename(f)
	if err != nil {
		return nil, nil, err
	}
	if naming != nil {
		maps.DeleteFunc(used.Tensors, func(name string, _ tensor.Tensor) bool { return slices.Contains(naming.Unused, name) })
	}
	return f, naming, used.CheckFinite(ctx)
}

func (o Options) dropBeside(f *weight.File) {
	if o.Beside != nil {
		maps.DeleteFunc(f.Tensors, func(name string, _ tensor.Tensor) bool { return o.Beside(name) })
	}
}

// checkMemory fails if the tensors take more than the available bytes. 0 stands for unknown. If nothing is deferred, tensors of a .safetensors
// file are there twice at the end, as read and as converted to the kernels of the family; those of an .npz file stay as they are.
func checkMemory(outline *weight.File, o Options) error {
	need, available := outline.Bytes(), o.Memory
	switch {
	case o.Held > 0:
		need = need / 4 * int64(o.Held)
	case outline.Format == weight.Safetensors:
		need *= 2
	}
	if available > 0 && need > available {
		parameters := 0
		for _, t := range outline.Tensors {
			parameters += tensor.Size(t.Shape)
		}
		return fmt.Errorf("%s: its %d parameters take %d bytes (%.1f GiB) of memory, and %d bytes (%.1f GiB) are available: use a smaller backbone or a larger machine",
			outline.Path, parameters, need, gibibytes(need), available, gibibytes(available))
	}
	return nil
}

func gibibytes(n int64) float64 { return float64(n) / (1 << 30) }

// explain adds to an error what the file is, as far as the names and shapes of its tensors tell. n has renamed them, nil if none has.
func explain(err error, family Family, m tensor.Map, n *Naming) error {
	if text := foreignNetwork(m, n); text != "" {
		return fmt.Errorf("%w: %s", err, text)
	}
	for _, what := range []func(m tensor.Map) string{names, family.Explain} {
		if text := what(m); text != "" {
			return fmt.Errorf("%w: %s", err, text)
		}
	}
	return err
}

// read derives the architecture from the shapes of the tensors, settles what they leave open, and converts the weights.
func (bb *Backbone) read(ctx context.Context, f *weight.File, o Options) error {
	family, l := layoutOf(f)
	arch, err := l.Shapes(f)
	if err != nil {
		return explain(err, family, f.Tensors, bb.naming)
	}
	if n := bb.naming; n != nil && n.Complete != nil {
		arch = n.Complete(arch)
	}
	found, remarks, err := readCompanions(f, arch)
	if err != nil {
		return err
	}
	bb.Architecture, bb.Naming, bb.remarks = arch, l.Naming, remarks
	if n := bb.naming; n != nil {
		bb.Naming = n.Library
		if n.Skipped != nil {
			bb.remarks = append(bb.remarks, n.remark())
		}
	}
	if err := bb.settle(l, l.Pooled != nil && l.Pooled(f.Tensors), found, f.Tensors, o); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	if err := bb.Validate(); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if bb.Weights, err = l.Convert(f, bb.Architecture); err != nil {
		return explain(err, family, f.Tensors, bb.naming)
	}
	return nil
}

// LayerNormEps is the usual epsilon of LayerNorm in a ViT (timm, vision_transformer.py).
const LayerNormEps = 1e-6

// SetHead replaces the backbone's own classifier by one with matrix [classes, width] and bias [classes].
func (bb *Backbone) SetHead(matrix, bias tensor.Tensor) {
	for _, s := range bb.Specs() {
		if s.Head {
			delete(bb.Weights, s.Name)
		}
	}
	bb.Architecture = bb.WithHead(matrix.Shape[0], matrix.Shape[1])
	kernel, biasName := bb.HeadNames()
	bb.Weights[kernel] = tensor.Transpose(matrix, matrix.Shape[0], matrix.Shape[1])
	bb.Weights[biasName] = bias
	bb.Answers = Answers{} // the fingerprint is that of the body
}

func (bb *Backbone) override(o Options) error {
	if heads := bb.Heads(); o.Heads != 0 && o.Heads != heads {
		return spell.Settingf(HeadsSetting, "%s %d contradicts the file, which has %d heads", o.Heads, heads)
	}
	if eps := bb.NormEps(); o.Eps != 0 && o.Eps != eps {
		return fmt.Errorf("the adapter was trained with a layer_norm_eps of %v, the file has %v: it is of another backbone", o.Eps, eps)
	}
	if has := bb.Activation(); o.Activation != "" && o.Activation != has {
		return fmt.Errorf("the adapter was trained with the activation %s, the file has %s: it is of another backbone", o.Activation, has)
	}
	bb.overrideChannels("mean", &bb.Mean, &bb.Sources.Mean, o.Mean)
	bb.overrideChannels("std", &bb.Std, &bb.Sources.Std, o.Std)
	for c := range bb.Std {
		if !(bb.Std[c] > 0) || math.IsInf(bb.Std[c], 0) {
			return fmt.Errorf("a normalisation with std %v is not possible: all must be above 0", bb.Std)
		}
		if math.IsNaN(bb.Mean[c]) || math.IsInf(bb.Mean[c], 0) {
			return fmt.Errorf("a normalisation with mean %v is not possible", bb.Mean)
		}
	}
	if o.Image != 0 && o.Image != bb.ImageSize() {
		return bb.resize(o.Image)
	}
	return bb.Validate()
}

// overrideChannels replaces mean or std by a given value, if there is one. It notes that if a file, or the kind of network, says otherwise.
func (bb *Backbone) overrideChannels(name string, value *[3]float64, source *Source, given *[3]float64) {
	if given == nil {
		return
	}
	if *given != *value {
		switch *source {
		case FromGuess, FromFile, FromFormat, FromName, FromAdapter:
		case FromLineage:
			bb.remarks = append(bb.remarks, fmt.Sprintf("%s %v as given, in place of the %v of a %s", name, *given, *value, bb.Lineage()))
		default:
			bb.remarks = append(bb.remarks, fmt.Sprintf("%s %v as given, in place of the %v of %s", name, *given, *value, *source))
		}
	}
	*value, *source = *given, FromFlag
}

// resize changes the input size and resamples what depends on the grid.
func (bb *Backbone) resize(image int) error {
	old := bb.Architecture
	bb.Architecture = old.With(Sizes{Image: image})
	if err := bb.Validate(); err != nil {
		return err
	}
	familyOf(old).Resample(bb.Weights, old, bb.Architecture)
	return nil
}

// Library is the library whose names the tensors of the file have, and network the kind of published network that they show; both
// are "" if no family recognised the names.
func (bb *Backbone) Library() (library, network string) {
	if bb.naming == nil {
		return "", ""
	}
	return bb.naming.Library, bb.naming.Network
}

// Heads is the number of attention heads of the first block.
func (d Description) Heads() int { return Heads(d.Architecture) }

// Check returns the weights of an architecture, with shapes verified. It fails if one is missing or if the file has tensors that
// the architecture neither uses nor knows to be without effect.
func Check(f *weight.File, weights tensor.Map, a Architecture) (tensor.Map, error) {
	wanted := tensor.Map{}
	for _, s := range a.Specs() {
		wanted[s.Name] = tensor.Tensor{}
	}
	source := &weight.File{Path: f.Path, Format: f.Format, Tensors: weights}
	if err := checkPlaces(source, a, func(name string) bool { _, ok := wanted[name]; return ok }); err != nil {
		return nil, err
	}
	for _, s := range a.Specs() {
		t, err := source.Get(s.Name, s.Shape...)
		if err != nil {
			return nil, err
		}
		if !t.IsFloat() {
			return nil, fmt.Errorf("%s: tensor %s does not hold floats", f.Path, s.Name)
		}
		wanted[s.Name] = t
	}
	return wanted, nil
}

// Fingerprint is a SHA-256 of the weights' names, shapes and values, excluding the own head, which no method
// uses. It does not depend on the file format, and is computed once.
func (bb *Backbone) Fingerprint() string {
	if bb.fingerprint == "" {
		bb.fingerprint = bb.body().SHA256()
	}
	return bb.fingerprint
}

// body is the weights without the own head.
func (bb *Backbone) body() tensor.Map {
	body := tensor.Map{}
	for _, s := range bb.Specs() {
		if !s.Head {
			body[s.Name] = bb.Weights[s.Name]
		}
	}
	return body
}
