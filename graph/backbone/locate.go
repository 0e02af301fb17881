package backbone

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/weight"
)

// The weight files of a model in a folder, as Hugging Face's libraries name them.
const (
	modelFile  = "model.safetensors"
	indexFile  = "model.safetensors.index.json"
	allFormats = "a .npz or .safetensors file, the index of its shards (model.safetensors.index.json), the folder of a model, or a SavedModel folder"
)

// shard matches the names of the files into which large models are split.
var shard = regexp.MustCompile(`^(.*)-\d{5}-of-(\d{5})\.safetensors$`)

// locate returns the weight file or the index that a path stands for, or the path itself if it is the folder of a SavedModel.
func locate(path string) (found string, isSavedModel bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if target, linkErr := os.Readlink(path); linkErr == nil {
			return "", false, fmt.Errorf("backbone %s is a link to %s, which does not exist: download it again", path, target)
		}
		return "", false, fmt.Errorf("backbone %s does not exist: give "+allFormats+"%s", path, mayBeOfHub(path))
	case err != nil:
		return "", false, fmt.Errorf("backbone: %w", err)
	case info.IsDir():
		return locateIn(path)
	}
	return path, false, checkShard(path)
}

// hubName matches OWNER/NAME, a model's name on a hub, and not a weight file.
var hubName = regexp.MustCompile(`^[\w-]+/[\w.-]+$`)

// mayBeOfHub ends the message about a backbone that does not exist: how models of a hub are named, with the name if it looks like one.
func mayBeOfHub(path string) string {
	if hubName.MatchString(path) && !slices.Contains([]string{".npz", ".safetensors"}, filepath.Ext(path)) {
		return ", or hf:" + path + " if it is a model of a hub"
	}
	return ", or hf:OWNER/NAME for a model of a hub"
}

// checkShard refuses a file that is a part of a model.
func checkShard(path string) error {
	parts := shard.FindStringSubmatch(filepath.Base(path))
	if parts == nil {
		return nil
	}
	what := fmt.Sprintf("backbone %s is one of %s shards of a model", path, strings.TrimLeft(parts[2], "0"))
	index := filepath.Join(filepath.Dir(path), parts[1]+".safetensors.index.json")
	if _, err := os.Stat(index); err == nil {
		return fmt.Errorf("%s: name their index, %s, or the folder", what, index)
	}
	return fmt.Errorf("%s, and their index %s is missing: download it, too, and name it", what, index)
}

// locateIn finds the weights in a folder: those of a SavedModel, or of a download from a model hub.
func locateIn(folder string) (found string, isSavedModel bool, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", false, fmt.Errorf("backbone: %w", err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	for _, name := range []string{savedmodel.ModelFile, modelFile, indexFile} {
		if slices.Contains(names, name) {
			if name == savedmodel.ModelFile {
				return folder, true, nil
			}
			return filepath.Join(folder, name), false, nil
		}
	}
	var indices, files, shards, others []string
	for _, name := range names {
		switch lower := strings.ToLower(name); {
		case strings.HasSuffix(lower, ".index.json"):
			indices = append(indices, name)
		case shard.MatchString(name):
			shards = append(shards, name)
		case isWeights(lower):
			files = append(files, name)
		case isForeign(lower):
			others = append(others, name)
		}
	}
	switch {
	case len(files) == 1:
		return filepath.Join(folder, files[0]), false, nil
	case len(files) > 1:
		return "", false, fmt.Errorf("backbone %s is a folder with %d weight files: name one of them, %s", folder, len(files), listIn(folder, files))
	case len(indices) > 0:
		return filepath.Join(folder, indices[0]), false, nil
	case len(shards) > 0:
		return "", false, checkShard(filepath.Join(folder, shards[0]))
	case len(others) > 0: // its content tells what it is and what to do
		return filepath.Join(folder, others[0]), false, nil
	}
	return "", false, notAModel(folder, names)
}

// isWeights tells by its name whether a file has weights in a format that is read.
func isWeights(name string) bool {
	return slices.Contains([]string{"." + weight.NPZ, "." + weight.Safetensors}, strings.ToLower(filepath.Ext(name)))
}

// isForeign tells the same of formats that are not read.
func isForeign(name string) bool {
	return slices.Contains([]string{".bin", ".pth", ".pt", ".ckpt", ".msgpack", ".h5", ".onnx", ".gguf"}, filepath.Ext(name))
}

// notAModel says why a folder without weights is not a model, and where the model may be.
func notAModel(folder string, names []string) error {
	if slices.Contains(names, "snapshots") { // a model in the cache of huggingface_hub
		if found, _ := filepath.Glob(filepath.Join(folder, "snapshots", "*")); len(found) > 0 {
			return fmt.Errorf("backbone %s is a model in a hub's cache: name one of its revisions, %s", folder, list(found, len(found)))
		}
	}
	if slices.Contains(names, configFile) {
		return fmt.Errorf("backbone %s is a folder with a %s and without weights: download %s into it, too", folder, configFile, modelFile)
	}
	return fmt.Errorf("backbone %s is a folder with neither weights nor a SavedModel (there is no %s, no other .safetensors or .npz file, and no %s)", folder, modelFile, savedmodel.ModelFile)
}

// listIn lists files of a folder for an error.
func listIn(folder string, names []string) string {
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(folder, name)
	}
	return list(paths, len(paths))
}
