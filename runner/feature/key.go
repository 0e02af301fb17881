package feature

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Format is the version of the files of a cache. It rises when their meaning changes.
const Format = 1

// The types of stored elements, by the names that --cache-precision takes.
const (
	FP32 = "fp32"
	BF16 = "bf16"
)

// Elements lists the types of stored elements.
func Elements() []string { return []string{FP32, BF16} }

// elementBytes is the size of an element.
func elementBytes(element string) int64 {
	if element == BF16 {
		return 2
	}
	return 4
}

// Key is everything that stored values depend on. What trains, and how, is not in it.
type Key struct {
	Backbone      string     `json:"backbone_sha256"` // of the weights' names, shapes and values
	Architecture  string     `json:"architecture"`
	Eps           float64    `json:"layer_norm_eps,omitempty"` // 0: the usual 1e-6
	Mean          [3]float64 `json:"mean"`                     // of the input normalisation
	Std           [3]float64 `json:"std"`
	ImageSize     int        `json:"image_size"`
	Preprocessing string     `json:"preprocessing"` // from the file to ImageSize
	Computed      string     `json:"computed_in"`   // precision of the matrix products, fp32 or bf16
	Stored        string     `json:"stored_in"`     // FP32 or BF16
	Program       string     `json:"program"`       // the build, exactly
	Device        string     `json:"device"`        // that computed them, with its model
	OneDNN        string     `json:"onednn"`        // whether TensorFlow's products are oneDNN's, and its limit
	Kernels       string     `json:"kernels"`       // the variant of this program's in place of TensorFlow's ops, "" for none
	Images        string     `json:"images_sha256"` // see Images.Fingerprint
}

// folder is the name of the cache's folder: the first 16 digits of the sha256 of the key's JSON.
func (k Key) folder() string {
	b, err := json.Marshal(k)
	if err != nil {
		panic("feature: " + err.Error()) // strings and numbers always encode; NaN is refused long before
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// isFolder tells whether a name may be that of a cache's folder.
func isFolder(name string) bool {
	return len(name) == 16 && strings.Trim(name, "0123456789abcdef") == ""
}

// differs names the first field in which another key is not this one, "" for equal keys.
func (k Key) differs(other Key) string {
	a, b := reflect.ValueOf(k), reflect.ValueOf(other)
	for i := range a.NumField() {
		if a.Field(i).Interface() != b.Field(i).Interface() {
			return a.Type().Field(i).Tag.Get("json")
		}
	}
	return ""
}

// Versions are the programs that computed values. Others may round otherwise, so a cache serves none but them.
type Versions struct {
	Program       string `json:"program"`
	LibTensorFlow string `json:"libtensorflow"`
}

// About says in words what a cache is of, for those who look at the list.
type About struct {
	Backbone string `json:"backbone"`
	Data     string `json:"data"` // the set that it was written for first
}

// Value is one stored value of an image.
type Value struct {
	Name  string
	Shape []int // of one image, without batch
}

// check refuses what would make no file.
func (v Value) check() error {
	if v.Name == "" || strings.Trim(v.Name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return fmt.Errorf("feature: %q is no name for a stored value", v.Name)
	}
	for _, d := range v.Shape {
		if d < 1 {
			return fmt.Errorf("feature: value %s has shape %v", v.Name, v.Shape)
		}
	}
	return nil
}

func (v Value) elements() int64 {
	n := int64(1)
	for _, d := range v.Shape {
		n *= int64(d)
	}
	return n
}

// Images are the images of a cache: the content of files, whatever their names, labels and order, each once.
type Images struct {
	sums [][sha256.Size]byte // sorted, unique
}

// NewImages takes the sha256 of files, in any order and with repetitions.
func NewImages(sums [][sha256.Size]byte) Images {
	unique := slices.Clone(sums)
	compare := func(a, b [sha256.Size]byte) int { return slices.Compare(a[:], b[:]) }
	slices.SortFunc(unique, compare)
	return Images{slices.Compact(unique)}
}

// Len is the number of images, and of rows of each file.
func (m Images) Len() int { return len(m.sums) }

// Row is the row of the image with a sha256, which must be one of those that NewImages got.
func (m Images) Row(sum [sha256.Size]byte) int {
	row, _ := slices.BinarySearchFunc(m.sums, sum, func(a, b [sha256.Size]byte) int { return slices.Compare(a[:], b[:]) })
	return row
}

// Fingerprint is the sha256 of the images' sha256, in order.
func (m Images) Fingerprint() string {
	h := sha256.New()
	for _, sum := range m.sums {
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hexSums is the list of the images as index.json shows it.
func (m Images) hexSums() []string {
	list := make([]string, len(m.sums))
	for i, sum := range m.sums {
		list[i] = hex.EncodeToString(sum[:])
	}
	return list
}

var errNoImages = errors.New("feature: there are no images to store values of")
