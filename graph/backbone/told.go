package backbone

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/weight"
)

// Files that other programs write beside weights.
const (
	configFile       = "config.json"              // timm's or Hugging Face transformers'
	preprocessorFile = "preprocessor_config.json" // transformers'
)

// told is what one JSON beside the weights says. What it is silent about is zero or nil.
type told struct {
	file      string // its path
	own       bool   // it is a sidecar in this program's own form
	plain     bool   // it says that the blocks are pre-norm, with GELU
	heads     int
	eps       float64
	mean, std []float64
	pool      Pool
	normed    bool    // its mean pool is of tokens that are normalised already
	claims    []claim // to be held against the tensors
	contrary  string  // why it can't be of a plain ViT, "" if it can
}

// claim is a size that a JSON gives.
type claim struct {
	key   string
	value int // 0: it is silent
	of    func(a Architecture) int
}

func (t told) source() Source { return Source(filepath.Base(t.file)) }

// contradicts says in what the JSON contradicts the shapes, "" if it does not.
func (t told) contradicts(a Architecture) string {
	if t.contrary != "" {
		return t.contrary
	}
	for _, c := range t.claims {
		if has := c.of(a); c.value != 0 && has != 0 && c.value != has {
			return fmt.Sprintf("%s is %d there, the tensors have %d", c.key, c.value, has)
		}
	}
	heads := Heads(a)
	switch {
	case t.heads < 0 || t.heads > 0 && Width(a)%t.heads != 0:
		return fmt.Sprintf("it has %d heads, which do not divide the width of %d", t.heads, Width(a))
	case t.heads != 0 && heads != 0 && t.heads != heads:
		return fmt.Sprintf("it has %d heads, the tensors have %d", t.heads, heads)
	case t.eps < 0:
		return fmt.Sprintf("a layer_norm_eps of %v is not possible", t.eps)
	}
	return ""
}

// readBeside reads the JSON files beside a weight file, in the order in which they count. One that contradicts the tensors is
// refused, but a config.json that may belong to another weight file in the folder is only left out, with a remark.
func readBeside(path string, a Architecture) (found []told, remarks []string, err error) {
	folder, sidecar := filepath.Dir(path), Sidecar(path)
	seen := map[string]bool{}
	for _, file := range []string{sidecar, filepath.Join(folder, configFile), filepath.Join(folder, preprocessorFile)} {
		if seen[filepath.Clean(file)] {
			continue
		}
		seen[filepath.Clean(file)] = true
		t, err := readTold(file, file == sidecar)
		if err != nil {
			return nil, nil, err
		}
		if t == nil {
			continue
		}
		why := t.contradicts(a)
		switch {
		case why == "":
			found = append(found, *t)
		case file != sidecar && severalWeights(folder):
			remarks = append(remarks, fmt.Sprintf("%s is not used, it is of another model: %s", filepath.Base(file), why))
		default:
			return nil, nil, fmt.Errorf("%s contradicts %s: %s (correct it or remove it)", file, path, why)
		}
	}
	return found, remarks, nil
}

// severalWeights tells whether a folder holds more than one weight file, so that its config.json is of one of them only.
func severalWeights(folder string) bool {
	entries, err := os.ReadDir(folder)
	return err == nil && 1 < len(slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return !slices.Contains([]string{"." + weight.NPZ, "." + weight.Safetensors}, strings.ToLower(filepath.Ext(e.Name())))
	}))
}

// readTold reads one JSON, nil if there is none. What it is, its keys tell.
func readTold(file string, sidecar bool) (*told, error) {
	raw, err := limit.ReadFile(file, limit.Text)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("backbone description: %w", err)
	}
	keys := map[string]json.RawMessage{}
	err = json.Unmarshal(raw, &keys)
	has := func(name string) bool { _, ok := keys[name]; return ok }
	t := &told{file: file}
	switch {
	case err != nil && sidecar:
		err = fmt.Errorf("%w (wanted is %s)", err, sidecarForm)
	case err != nil:
	case has("architecture"):
		err = t.timm(raw)
	case has("model_type"), has("architectures"):
		err = t.transformers(raw)
	case has("image_mean"), has("image_processor_type"), has("do_normalize"):
		err = t.preprocessor(raw)
	case sidecar:
		err = t.sidecar(raw, keys)
	default: // another program's, of which there are many
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("backbone description %s: %w", file, err)
	}
	for _, list := range []struct {
		name  string
		found []float64
	}{{"mean", t.mean}, {"std", t.std}} {
		if list.found != nil && len(list.found) != 3 {
			return nil, fmt.Errorf("backbone description %s: %s has %d numbers, wanted are 3 (red, green, blue)", file, list.name, len(list.found))
		}
	}
	return t, nil
}
