package backbone

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// Backbone is a pre-trained network: its architecture, how its input is normalised, its weights.
type Backbone struct {
	Description
	Weights tensor.Map // by .npz names, see Specs
	Path    string     // the file or folder it came from, "" if made here
	Format  string     // "npz", "safetensors", "savedmodel" or "random"
	SHA256  string     // of the file's bytes; of names, shapes and values where there is no single file

	fingerprint string
}

// Description is what a backbone is, apart from its weights. It is recorded with every result.
type Description struct {
	Architecture
	Mean [3]float64 `json:"mean"` // of the input, by channel, images in 0..1
	Std  [3]float64 `json:"std"`
	Pool Pool       `json:"pool"` // what its own head sees
}

// Options override what a file says or cannot say.
type Options struct {
	Heads int         // for .safetensors, whose shapes do not tell; 0: 64-wide heads
	Image int         // side of the input in pixels; position embeddings are resampled; 0: as trained
	Mean  *[3]float64 // input normalisation; nil: the JSON beside the file, or 0.5
	Std   *[3]float64

	// Beside tells tensors that are in the file for something else than the backbone. nil: there are none.
	Beside func(name string) bool
}

// HeadWidth is the usual width of an attention head, in all ViTs of the papers.
const HeadWidth = 64

// Load reads a backbone from a Google .npz file, a timm-named .safetensors file or a SavedModel folder.
func Load(path string, o Options) (*Backbone, error) {
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("backbone %s does not exist: give a .npz or .safetensors file or a SavedModel folder", path)
		}
		return nil, fmt.Errorf("backbone: %w", err)
	}
	var bb *Backbone
	if info.IsDir() {
		bb, err = readSavedModel(path)
	} else {
		bb, err = readFile(path, o)
	}
	if err != nil {
		return nil, err
	}
	if err := bb.override(o); err != nil {
		return nil, fmt.Errorf("backbone %s: %w", path, err)
	}
	return bb, nil
}

func readFile(path string, o Options) (*Backbone, error) {
	f, err := weight.Open(path)
	if err != nil {
		return nil, fmt.Errorf("backbone: %w", err)
	}
	if err := f.CheckFinite(); err != nil {
		return nil, fmt.Errorf("backbone: %w", err)
	}
	if o.Beside != nil {
		maps.DeleteFunc(f.Tensors, func(name string, _ tensor.Tensor) bool { return o.Beside(name) })
	}
	how := layoutOf(f)
	arch, weights, err := how.read(f, o.Heads)
	if err != nil {
		if what := recognise(f.Tensors); what != "" {
			err = fmt.Errorf("%w: %s", err, what)
		}
		return nil, fmt.Errorf("backbone: %w", err)
	}
	bb := &Backbone{
		Description: Description{Architecture: arch, Mean: half, Std: half, Pool: PoolClass},
		Weights:     weights, Path: path, Format: f.Format, SHA256: f.SHA256,
	}
	return bb, bb.readSidecar(Sidecar(path))
}

// layout is how a kind of file names and shapes the weights of a ViT.
type layout struct {
	shapes  func(f *weight.File) (Architecture, error) // what the shapes tell
	convert func(f *weight.File, a Architecture) (tensor.Map, error)
	heads   bool // the shapes tell the number of heads
}

// layoutOf tells the layout by a tensor that every file of timm has.
func layoutOf(f *weight.File) layout {
	for _, name := range []string{"pos_embed", "patch_embed.proj.weight"} {
		if _, ok := f.Tensors[name]; ok {
			return timm
		}
	}
	return npz
}

func (l layout) read(f *weight.File, heads int) (Architecture, tensor.Map, error) {
	a, err := l.shapes(f)
	if err != nil {
		return a, nil, err
	}
	a.Eps = LayerNormEps
	if !l.heads {
		a.Heads = heads
	}
	if !l.heads && heads == 0 {
		if a.Width%HeadWidth != 0 {
			return a, nil, fmt.Errorf("%s: a width of %d is no multiple of %d: say how many heads it has with --heads", f.Path, a.Width, HeadWidth)
		}
		a.Heads = a.Width / HeadWidth
	}
	if err := a.Validate(); err != nil {
		return a, nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	weights, err := l.convert(f, a)
	return a, weights, err
}

// half is the input normalisation of Google's ViT checkpoints.
var half = [3]float64{0.5, 0.5, 0.5}

// Sidecar is the name of the small JSON beside a weight file: its name with .json in place of the ending.
func Sidecar(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".json" }

// SidecarJSON is the content of the JSON beside a weight file.
type SidecarJSON struct {
	Mean *[3]float64 `json:"mean,omitempty"`
	Std  *[3]float64 `json:"std,omitempty"`
	Pool *Pool       `json:"pool,omitempty"`
}

// Sidecar is what the JSON beside the backbone's file should say.
func (d Description) Sidecar() SidecarJSON {
	return SidecarJSON{Mean: &d.Mean, Std: &d.Std, Pool: &d.Pool}
}

// SetHead gives the backbone a classifier of its own, from weight [classes, d] and bias [classes].
func (bb *Backbone) SetHead(weight, bias tensor.Tensor) {
	delete(bb.Weights, hiddenKernel)
	delete(bb.Weights, hiddenBias)
	bb.Classes, bb.Hidden = weight.Shape[0], 0
	bb.Weights[headKernel] = transpose(weight, weight.Shape[0], weight.Shape[1])
	bb.Weights[headBias] = bias
	bb.fingerprint = ""
}

// readSidecar takes mean, std and pool from the JSON beside the file, if there is one.
func (bb *Backbone) readSidecar(path string) error {
	raw, err := limit.ReadFile(path, limit.Text)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("backbone description: %w", err)
	}
	var d struct {
		Mean, Std *[]float64 // Go would fill or cut a list of another length than 3 without a word
		Pool      *Pool
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return fmt.Errorf(`backbone description %s: %w (wanted is {"mean": [r,g,b], "std": [r,g,b]})`, path, err)
	}
	for _, list := range []struct {
		name  string
		found *[]float64
		into  *[3]float64
	}{{"mean", d.Mean, &bb.Mean}, {"std", d.Std, &bb.Std}} {
		if list.found == nil {
			continue
		}
		if len(*list.found) != 3 {
			return fmt.Errorf("backbone description %s: %s has %d numbers, wanted are 3 (red, green, blue)", path, list.name, len(*list.found))
		}
		copy(list.into[:], *list.found)
	}
	if d.Pool != nil {
		if bb.Pool, err = ParsePool(string(*d.Pool)); err != nil {
			return fmt.Errorf("backbone description %s: %w", path, err)
		}
	}
	return nil
}

func (bb *Backbone) override(o Options) error {
	if o.Heads != 0 && o.Heads != bb.Heads {
		return fmt.Errorf("--heads %d contradicts the file, which has %d heads", o.Heads, bb.Heads)
	}
	if o.Mean != nil {
		bb.Mean = *o.Mean
	}
	if o.Std != nil {
		bb.Std = *o.Std
	}
	for c := range bb.Std {
		if !(bb.Std[c] > 0) || math.IsInf(bb.Std[c], 0) {
			return fmt.Errorf("a normalisation with std %v is not possible: all must be above 0", bb.Std)
		}
		if math.IsNaN(bb.Mean[c]) || math.IsInf(bb.Mean[c], 0) {
			return fmt.Errorf("a normalisation with mean %v is not possible", bb.Mean)
		}
	}
	if o.Image != 0 && o.Image != bb.Image {
		return bb.resize(o.Image)
	}
	return bb.Validate()
}

// resize changes the input size and resamples the position embeddings to the new grid.
func (bb *Backbone) resize(image int) error {
	old := bb.Architecture
	bb.Image = image
	if err := bb.Validate(); err != nil {
		return err
	}
	bb.Weights[positions] = resamplePositions(bb.Weights[positions], old.Grid(), bb.Grid())
	return nil
}

// check holds every weight against the architecture. What it does not name must be known to change nothing.
func check(f *weight.File, weights tensor.Map, a Architecture) (tensor.Map, error) {
	wanted := tensor.Map{}
	for _, s := range a.Specs() {
		wanted[s.Name] = tensor.Tensor{}
	}
	source := &weight.File{Path: f.Path, Format: f.Format, Tensors: weights}
	if err := checkPlaces(source, func(name string) bool { _, ok := wanted[name]; return ok }); err != nil {
		return nil, err
	}
	for _, s := range a.Specs() {
		t, err := source.Get(s.Name, s.Shape...)
		if err != nil {
			return nil, err
		}
		if t.Float32() == nil {
			return nil, fmt.Errorf("%s: tensor %s does not hold floats", f.Path, s.Name)
		}
		wanted[s.Name] = t
	}
	return wanted, nil
}

// Fingerprint is a sha256 of the weights' names, shapes and values, without the own head, which no method
// uses. It is the same whatever file the backbone came from, and computed once.
func (bb *Backbone) Fingerprint() string {
	if bb.fingerprint == "" {
		body := tensor.Map{}
		for name, t := range bb.Weights {
			if !IsHead(name) {
				body[name] = t
			}
		}
		bb.fingerprint = body.SHA256()
	}
	return bb.fingerprint
}
