package feature

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// Format is the version of the files of a cache. It increases when their meaning changes.
const Format = 1

// Elements lists the types of stored elements.
func Elements() []string { return []string{string(graph.FP32), string(graph.BF16)} }

// Key is everything that stored values depend on, without the trained parameters and their training.
type Key struct {
	Backbone      string          `json:"backbone_sha256"` // of the weights' names, shapes and values
	Architecture  string          `json:"architecture"`
	Eps           float64         `json:"layer_norm_eps,omitempty"` // 0: the usual 1e-6
	Mean          [3]float64      `json:"mean"`                     // of the input normalisation
	Std           [3]float64      `json:"std"`
	ImageSize     int             `json:"image_size"`
	Preprocessing string          `json:"preprocessing"`      // from the file to ImageSize
	Pictures      string          `json:"pictures,omitempty"` // what views of images depend on besides the images; "": images as they are
	Computed      graph.Precision `json:"computed_in"`        // precision of the matrix products
	Stored        graph.Precision `json:"stored_in"`          // one of Elements
	Program       string          `json:"program"`            // the build, exactly
	Device        string          `json:"device"`             // that computed the values, with its model
	OneDNN        string          `json:"onednn"`             // whether matrix products use oneDNN, and its instruction limit
	Kernels       string          `json:"kernels"`            // the variant of this program's kernels, "" if TensorFlow's ops were used
	Images        string          `json:"images_sha256"`      // see Images.Fingerprint
}

// folder is the name of the cache's folder: the first 16 digits of the sha256 of the key's JSON.
func (k Key) folder() string {
	b, err := json.Marshal(k)
	if err != nil {
		panic("feature: " + err.Error()) // strings and numbers always encode; no value is NaN
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// isFolder reports whether a name has the form of a cache's folder.
func isFolder(name string) bool {
	return len(name) == 16 && strings.Trim(name, "0123456789abcdef") == ""
}

// difference names the first field that differs from another key's, "" for equal keys.
func (k Key) difference(other Key) string {
	a, b := reflect.ValueOf(k), reflect.ValueOf(other)
	for i := range a.NumField() {
		if a.Field(i).Interface() != b.Field(i).Interface() {
			return a.Type().Field(i).Tag.Get("json")
		}
	}
	return ""
}

// Versions identify the programs that computed the values. Others may round differently, so they do not share caches.
type Versions struct {
	Program       string `json:"program"`
	LibTensorFlow string `json:"libtensorflow"`
}

// About describes a cache in the list of caches.
type About struct {
	Backbone string `json:"backbone"`
	Data     string `json:"data"` // the data set that it was first written for
}

// Value is one stored value of an image.
type Value struct {
	Name  string
	Shape []int // for one image, without batch
}

// check rejects values that can't be stored.
func (v Value) check() error {
	if v.Name == "" || strings.Trim(v.Name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return fmt.Errorf("feature: %q is not a valid name for a stored value", v.Name)
	}
	for _, d := range v.Shape {
		if d < 1 {
			return fmt.Errorf("feature: value %s has shape %v", v.Name, v.Shape)
		}
	}
	return nil
}

func (v Value) elements() int { return tensor.Size(v.Shape) }

// Images are the distinct images of a cache, identified by the content of their files.
type Images struct {
	sums [][sha256.Size]byte // sorted, unique
}

func compareSums(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) }

// NewImages takes the SHA-256 of files, in any order and with repetitions.
func NewImages(sums [][sha256.Size]byte) Images {
	sums = slices.Clone(sums)
	slices.SortFunc(sums, compareSums)
	return Images{slices.Compact(sums)}
}

// Len is the number of images, and of rows of each file.
func (m Images) Len() int { return len(m.sums) }

// Row returns the row of an image with a SHA-256 that NewImages got.
func (m Images) Row(sum [sha256.Size]byte) int {
	row, _ := slices.BinarySearchFunc(m.sums, sum, compareSums)
	return row
}

// Fingerprint is the SHA-256 of the images' SHA-256 in order.
func (m Images) Fingerprint() string {
	h := sha256.New()
	for _, sum := range m.sums {
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hexSums lists the images as in index.json.
func (m Images) hexSums() []string {
	list := make([]string, len(m.sums))
	for i, sum := range m.sums {
		list[i] = hex.EncodeToString(sum[:])
	}
	return list
}
