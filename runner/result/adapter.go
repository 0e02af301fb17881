package result

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strconv"

	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// Keys of an adapter's metadata, besides the options of its method. A file of the official implementation has none of them.
const (
	KeyFormat         = "format" // "pt", which PyTorch's safetensors library expects
	KeyProgram        = "program"
	KeyMethod         = "method"
	KeyPool           = "pool"
	KeyClasses        = "classes"
	KeyClassNames     = "class_names" // JSON list, in the order of the logits
	KeyImageSize      = "image_size"
	KeyBackboneSHA256 = "backbone_sha256"
	KeyMean           = "mean" // JSON list, a number per channel
	KeyStd            = "std"
	KeyTestResize     = "test_resize" // side to which images are scaled before their centre is cut out; absent: that of the model
	KeyLoss           = "loss"        // LossSeveral; absent: an image has one class
	KeyExif           = "exif"        // on: images are turned as their EXIF orientation says; off or absent: they are used as stored
)

// LossSeveral is KeyLoss of an adapter trained with the cross-entropy of a sigmoid for each class: an image has any number of classes.
const LossSeveral = "bce"

// Meta is the metadata of an adapter file: what a program must know to run the adapter. safetensors stores strings only, to which
// the methods convert.
type Meta map[string]string

// SetInt stores an integer.
func (m Meta) SetInt(key string, v int) { m[key] = strconv.Itoa(v) }

// SetJSON stores a list of strings or finite numbers as JSON.
func (m Meta) SetJSON(key string, v any) {
	b, err := json.Marshal(v)
	if err != nil { // a NaN in a list of numbers: a mistake in the code
		panic("result: metadata " + key + ": " + err.Error())
	}
	m[key] = string(b)
}

// Adapter is the content of an adapter.safetensors: the trained tensors under their official names.
type Adapter struct {
	Path    string
	Tensors tensor.Map
	Meta    Meta
	Whole   bool // the file also holds the weights of a backbone, which are not in Tensors
}

// WriteAdapter atomically writes an adapter file at path. It fails if a tensor holds NaN or infinities, so that a diverged state
// never replaces the last good one.
func WriteAdapter(path string, tensors tensor.Map, meta Meta) error {
	if err := finite(tensors); err != nil {
		return fmt.Errorf("%s was not written, its old state is kept: %w", path, err)
	}
	meta = maps.Clone(meta)
	if meta == nil {
		meta = Meta{}
	}
	meta[KeyFormat] = "pt"
	return WriteFile(path, func(w io.Writer) error {
		return weight.WriteSafetensors(w, tensors, meta)
	})
}

// ReadAdapter reads an adapter file of this program or of the official implementation.
func ReadAdapter(path string) (*Adapter, error) {
	f, err := weight.Open(path)
	if err != nil {
		return nil, fmt.Errorf("adapter: %w", err)
	}
	if len(f.Tensors) == 0 {
		return nil, fmt.Errorf("adapter %s: holds no tensors", path)
	}
	if err := finite(f.Tensors); err != nil {
		return nil, fmt.Errorf("adapter %s: %w", path, err)
	}
	return &Adapter{Path: path, Tensors: f.Tensors, Meta: f.Metadata}, nil
}

func finite(tensors tensor.Map) error {
	for _, name := range tensors.Names() {
		t := tensors[name]
		if i := t.FirstNonFinite(); i >= 0 {
			return fmt.Errorf("tensor %s is %v at element %d", name, t.Float32()[i], i)
		}
	}
	return nil
}

// Int returns an integer of the metadata, and whether the file has it.
func (a *Adapter) Int(key string) (v int, ok bool, err error) {
	ok, err = a.decode(key, func(text string) (err error) {
		v, err = strconv.Atoi(text)
		return err
	})
	return v, ok, err
}

// JSON decodes a number or a list of the metadata into v, and reports whether the file has it.
func (a *Adapter) JSON(key string, v any) (ok bool, err error) {
	return a.decode(key, func(text string) error { return json.Unmarshal([]byte(text), v) })
}

// decode decodes a value of the metadata, if the file has it. The error names the file and the key.
func (a *Adapter) decode(key string, decode func(text string) error) (ok bool, err error) {
	text, ok := a.Meta[key]
	if !ok {
		return false, nil
	}
	if err := decode(text); err != nil {
		return true, fmt.Errorf("adapter %s: metadata %s is %q: %w", a.Path, key, text, err)
	}
	return true, nil
}
