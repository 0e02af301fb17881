package feature

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/result"
)

// indexFile describes the files beside it.
const indexFile = "index.json"

// mostIndex is the most bytes of an index that are read: it has a line for each image, so this is some ten million of them.
const mostIndex = 1 << 30

// kind is the mark by which a folder is recognised as a cache of this program.
const kind = "dtl-tf feature cache"

// index is index.json.
type index struct {
	Kind     string    `json:"kind"`
	Format   int       `json:"format"`
	Versions Versions  `json:"versions"`
	About    About     `json:"about"`
	Written  time.Time `json:"written"`
	Key      Key       `json:"key"`
	// Files has the stored values by name.
	Files map[string]file `json:"files"`
	// Unreadable are rows of images that can't be decoded; their values are zeros.
	Unreadable []int `json:"unreadable,omitempty"`
	// Images has the sha256 of the images, a row each.
	Images []string `json:"images"`
}

// file describes the file of a value: rows of elements, little-endian, one behind the other.
type file struct {
	Name  string `json:"file"`
	Shape []int  `json:"shape"` // of a row
	Bytes int64  `json:"bytes"`
	Sum   string `json:"xxhash64"` // in hexadecimal
}

var errForeign = errors.New("its " + indexFile + " is not of a feature cache")

// readRaw reads the file of the index.
func readRaw(folder string) ([]byte, error) {
	return limit.ReadFile(filepath.Join(folder, indexFile), mostIndex)
}

// readIndex reads the index of a cache folder. An error says in what way it can't be trusted; fs.ErrNotExist that there
// is none.
func readIndex(folder string) (index, error) {
	b, err := readRaw(folder)
	if err != nil {
		return index{}, err
	}
	var head struct {
		Kind   string `json:"kind"`
		Format int    `json:"format"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return index{}, fmt.Errorf("its %s is damaged: %w", indexFile, err)
	}
	if head.Kind != kind {
		return index{}, errForeign
	}
	if head.Format != Format {
		return index{}, fmt.Errorf("it has format %d, this program writes format %d", head.Format, Format)
	}
	var x index
	if err := json.Unmarshal(b, &x); err != nil {
		return index{}, fmt.Errorf("its %s is damaged: %w", indexFile, err)
	}
	return x, nil
}

// suits tells why the index is not that of the cache that is wanted, "" if it is.
func (x index) suits(k Key, v Versions, m Images) string {
	switch field := x.Key.differs(k); {
	case field != "":
		return "it was made for another " + field
	case x.Versions != v:
		return fmt.Sprintf("it was written by version %s with TensorFlow %s", x.Versions.Program, x.Versions.LibTensorFlow)
	case !slices.Equal(x.Images, m.hexSums()):
		return "its list of images is another"
	}
	for _, row := range x.Unreadable {
		if row < 0 || row >= m.Len() {
			return fmt.Sprintf("it has %d images, and number %d is called unreadable", m.Len(), row)
		}
	}
	return ""
}

// write replaces the index of a cache folder.
func (x index) write(folder string) error {
	return result.WriteJSON(filepath.Join(folder, indexFile), x)
}

// fileName is the name of a value's file.
func fileName(v Value, element string) string { return v.Name + "." + element }

func notThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }
