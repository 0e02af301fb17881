package feature

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"dtl-tf/graph"
	"dtl-tf/graph/limit"
)

// indexFile describes the files beside it.
const indexFile = "index.json"

// maxIndexBytes is the largest index that is read. It has a line for each image, so this is some ten million images.
const maxIndexBytes = 1 << 30

// kind identifies the index of a cache of this program.
const kind = "dtl-tf feature cache"

// index is index.json.
type index struct {
	Kind     string    `json:"kind"`
	Format   int       `json:"format"`
	Versions Versions  `json:"versions"`
	About    About     `json:"about"`
	Written  time.Time `json:"written"`
	Key      Key       `json:"key"`
	// Files has the files of the stored values by the values' names.
	Files map[string]file `json:"files"`
	// Unreadable lists the rows of images that can't be decoded; their values are zeros.
	Unreadable []int `json:"unreadable,omitempty"`
	// Images has the SHA-256 of the image of each row.
	Images []string `json:"images"`
}

// file describes the file of a value: consecutive rows of little-endian elements.
type file struct {
	Name  string `json:"file"`
	Shape []int  `json:"shape"` // of a row
	Bytes int64  `json:"bytes"`
	Sum   string `json:"xxhash64"` // in hexadecimal
}

var errForeign = errors.New("its " + indexFile + " does not belong to a feature cache")

func readRaw(folder string) ([]byte, error) {
	return limit.ReadFile(filepath.Join(folder, indexFile), maxIndexBytes)
}

// readIndex reads the index of a cache folder. The error says why it can't be used; fs.ErrNotExist means that there is none.
func readIndex(folder string) (index, error) {
	b, err := readRaw(folder)
	if err != nil {
		return index{}, err
	}
	var x index
	err = json.Unmarshal(b, &x) // in other formats it skips fields of other types
	var syntax *json.SyntaxError
	switch isJSON := !errors.As(err, &syntax); {
	case isJSON && x.Kind != kind:
		return index{}, errForeign
	case isJSON && x.Format != Format:
		return index{}, fmt.Errorf("it has format %d, this program writes format %d", x.Format, Format)
	case err != nil:
		return index{}, fmt.Errorf("its %s is damaged: %w", indexFile, err)
	}
	return x, nil
}

// mismatch says how the index differs from the wanted cache's, "" if it does not.
func (x index) mismatch(k Key, v Versions, m Images) string {
	switch field := x.Key.difference(k); {
	case field != "":
		return "it was made for another " + field
	case x.Versions != v:
		return fmt.Sprintf("it was written by version %s with TensorFlow %s", x.Versions.Program, x.Versions.LibTensorFlow)
	case !slices.Equal(x.Images, m.hexSums()):
		return "its list of images differs"
	}
	for _, row := range x.Unreadable {
		if row < 0 || row >= m.Len() {
			return fmt.Sprintf("it has %d images, and number %d is marked unreadable", m.Len(), row)
		}
	}
	return ""
}

// fileName is the name of the file of a value.
func fileName(v Value, element graph.Precision) string { return v.Name + "." + string(element) }

func notExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
