package backbone

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/weight"
)

// The companion files of other programs: JSON files that they write beside weights.
const (
	configFile       = "config.json"              // timm's or Hugging Face transformers'
	openCLIPFile     = "open_clip_config.json"    // OpenCLIP's
	preprocessorFile = "preprocessor_config.json" // transformers'
)

// companion is the content of one companion file. What it leaves open is zero or nil.
type companion struct {
	file          string // its path
	own           bool   // a sidecar in this program's own form
	plain         bool   // it says that blocks are pre-norm, with the activation
	kind          string // what it calls the network, for messages
	heads         int
	image         int // side of the input in pixels
	eps           float64
	activation    Activation
	described     Architecture // nil: none
	answers       Answers      // of the own head
	mean, std     []float64
	normalised    *normalisation // of all published networks of its kind, if no file says mean and std
	interpolation string         // with which images were resized, as Pillow calls it
	pool          Pool
	normed        bool     // its mean pooling is of tokens that are already normalised, and the family's is not
	lineages      []string // one of which Architecture.Lineage must be; nil: any
	claims        []claim  // to compare with the tensors
	unsupported   string   // why it can't belong to this family, "" if it can
	remark        string   // about a choice that it made necessary
}

// claim is a size in a companion file.
type claim struct {
	key   string
	value int // 0: left open, unless exact
	of    func(a Architecture) int
	exact bool // 0 is a number like any other
}

func (t companion) source() Source { return Source(filepath.Base(t.file)) }

// contradicts says how the file contradicts the tensors, "" if it does not.
func (t companion) contradicts(a Architecture) string {
	if t.unsupported != "" {
		return t.unsupported
	}
	for _, c := range t.claims {
		if has := c.of(a); c.value != has && (c.exact || c.value != 0 && has != 0) {
			return fmt.Sprintf("%s is %d there, the tensors have %d", c.key, c.value, has)
		}
	}
	heads := Heads(a)
	switch {
	case t.lineages != nil && !slices.Contains(t.lineages, a.Lineage()):
		return fmt.Sprintf("%s is %s there, the tensors are those of %s", t.kind, lineageText(t.lineages[0], a), lineageText(a.Lineage(), a))
	case t.activation != "" && a.With(Sizes{Activation: t.activation}).Activation() != t.activation:
		return fmt.Sprintf("its activation is %s, which this version does not compute in a %s", t.activation, familyOf(a).Kind)
	case t.pool != "" && CheckPool(a, t.pool) != nil:
		return fmt.Sprintf("its pooling is %s: %v", t.pool, CheckPool(a, t.pool))
	case t.heads < 0 || t.heads > 0 && Width(a)%t.heads != 0:
		return fmt.Sprintf("it has %d heads, which do not divide the width of %d", t.heads, Width(a))
	case t.heads != 0 && heads != 0 && t.heads != heads:
		return fmt.Sprintf("it has %d heads, the tensors have %d", t.heads, heads)
	}
	return ""
}

// lineageText names a lineage with its article.
func lineageText(lineage string, a Architecture) string {
	if lineage == "" {
		return "a plain " + Title(a.Family())
	}
	return "a " + lineage
}

// readCompanions reads the companion files of a weight file in order of precedence. One that contradicts the tensors is an error,
// but if it may belong to another weight file in the folder, it is ignored with a remark.
func readCompanions(weights *weight.File, a Architecture) (found []companion, remarks []string, err error) {
	path := weights.Path
	folder, sidecar := filepath.Dir(path), Sidecar(path)
	seen := map[string]bool{}
	for _, file := range []string{sidecar, filepath.Join(folder, configFile), filepath.Join(folder, openCLIPFile), filepath.Join(folder, preprocessorFile)} {
		if seen[filepath.Clean(file)] {
			continue
		}
		seen[filepath.Clean(file)] = true
		t, err := readCompanion(file, file == sidecar, a)
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
			if t.remark != "" {
				remarks = append(remarks, t.remark)
			}
			if t.interpolation != "" && t.interpolation != interpolation {
				remarks = append(remarks, fmt.Sprintf("%s says that its images were resized by %s interpolation, here it is %s", filepath.Base(file), t.interpolation, interpolation))
			}
		case file != sidecar && hasOthers(folder, weights.Parts):
			remarks = append(remarks, fmt.Sprintf("%s is not used, it is of another model: %s", filepath.Base(file), why))
		default:
			return nil, nil, fmt.Errorf("%s contradicts %s: %s (correct it or remove it)", file, path, why)
		}
	}
	return found, remarks, nil
}

// hasOthers tells whether a folder has other weight files than the given ones. Its config.json can describe only one model.
func hasOthers(folder string, parts []string) bool {
	entries, err := os.ReadDir(folder)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return isWeights(e.Name()) && !slices.Contains(parts, filepath.Join(folder, e.Name()))
	})
}

// readCompanion reads one companion file of weights of an architecture, nil if there is none. The keys tell which program wrote it.
func readCompanion(file string, sidecar bool, a Architecture) (*companion, error) {
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
	t := &companion{file: file}
	switch {
	case err != nil && sidecar:
		err = fmt.Errorf("%w (wanted is %s)", err, sidecarForm)
	case err != nil:
	case has("architecture"):
		err = t.timm(raw, a)
	case has("model_type"), has("architectures"):
		err = t.transformers(raw, familyOf(a))
	case has("model_cfg"):
		err = t.openCLIP(raw, a)
	case has("image_mean"), has("image_processor_type"), has("do_normalize"):
		err = t.preprocessor(raw)
	case sidecar:
		err = t.sidecar(raw, keys)
	default: // of some other program
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
