package hub

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
)

const (
	weightsEnd = ".safetensors"
	indexEnd   = ".safetensors.index.json" // of weights in several files, its shards
)

// preferred are the weights of a model in order of precedence: those of timm and transformers, and those of OpenCLIP, whose
// repositories often have the same weights under both.
var preferred = []string{"model" + weightsEnd, "model" + indexEnd, "open_clip_model" + weightsEnd, "open_clip_model" + indexEnd}

// companions are the files beside the weights that describe them.
var companions = []string{"config.json", "preprocessor_config.json", "open_clip_config.json"}

// shardName matches one of several files with weights.
var shardName = regexp.MustCompile(`-\d{5}-of-\d{5}\.safetensors$`)

// maxNamed is how many files an error names.
const maxNamed = 8

// choose returns the file with the weights among those of a model. wanted is the user's choice, "" for none.
func choose(ref Reference, files []string, wanted string) (string, error) {
	var found []string
	for _, f := range files {
		if !isWeights(f) && !slices.Contains(companions, path.Base(f)) {
			continue
		}
		if !localName(f) {
			return "", fmt.Errorf("%s has a file with the name %q, which does not stay within its folder: do not trust this model", ref, f)
		}
		if isWeights(f) && !shardName.MatchString(f) {
			found = append(found, f)
		}
	}
	slices.Sort(found)
	if wanted != "" {
		if !slices.Contains(found, wanted) {
			return "", fmt.Errorf("%s has no file %s: it has %s", ref, spell.Line(wanted), orNone(found))
		}
		return wanted, nil
	}
	for _, p := range preferred {
		if slices.Contains(found, p) {
			return p, nil
		}
	}
	top := slices.DeleteFunc(slices.Clone(found), func(f string) bool { return strings.Contains(f, "/") })
	switch {
	case len(top) == 1:
		return top[0], nil
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", fmt.Errorf("%s has several weight files, and nothing tells which is meant: choose one with dtl-tf backbone fetch %s --file NAME: %s", ref, ref, spell.Few(found, maxNamed))
	}
	return "", noWeights(ref, files)
}

// CheckFile fails if a name cannot be that of weights for Fetch.
func CheckFile(name string) error {
	if !isWeights(name) || shardName.MatchString(name) {
		return fmt.Errorf("--file %s: want a .safetensors file, or the .safetensors.index.json of several", spell.Line(name))
	}
	return nil
}

func isWeights(name string) bool {
	return strings.HasSuffix(name, weightsEnd) || strings.HasSuffix(name, indexEnd)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "no weights in .safetensors files"
	}
	return spell.Few(names, maxNamed)
}

// noWeights says what a model without .safetensors files has instead.
func noWeights(ref Reference, files []string) error {
	var pickles, shards []string
	for _, f := range files {
		switch path.Ext(f) {
		case ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle":
			if path.Base(f) != "training_args.bin" { // settings, not weights
				pickles = append(pickles, f)
			}
		case weightsEnd:
			shards = append(shards, f)
		}
	}
	slices.Sort(pickles)
	switch {
	case len(shards) > 0:
		return fmt.Errorf("%s has the shards %s without their index (a file that ends in %s): the model is incomplete", ref, spell.Few(shards, maxNamed), indexEnd)
	case len(pickles) > 0:
		return fmt.Errorf("%s has its weights only in Python pickles (%s), which can run code and are not read: look for a conversion among its branches, or convert it where you trust it: %s",
			ref, spell.Few(pickles, maxNamed), conversion(ref, pickles))
	}
	return fmt.Errorf("%s has no weights in .safetensors files: of its %d files, the first are %s", ref, len(files), spell.Few(files, maxNamed))
}

// plainName is a name that means the same to every shell and to Python.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_./+-]+$`)

// conversion is a command that writes a pickle's tensors as model.safetensors.
func conversion(ref Reference, pickles []string) string {
	name := pickles[0]
	if i := slices.Index(pickles, "pytorch_model.bin"); i >= 0 {
		name = pickles[i]
	}
	revision := ref.Revision
	if !plainName.MatchString(name) { // the hub's text must not become part of a command
		name = "NAME"
	}
	if !plainName.MatchString(revision) {
		revision = "REVISION"
	}
	return fmt.Sprintf(`python3 -c "import huggingface_hub as h, torch, safetensors.torch as s; s.save_file({k: v.clone() for k, v in torch.load(h.hf_hub_download('%s', '%s', revision='%s'), map_location='cpu', weights_only=True).items()}, 'model.safetensors')"`,
		ref.Repo, name, revision)
}
