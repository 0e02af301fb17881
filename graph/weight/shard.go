package weight

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/tensor"
)

// indexEnding is the end of the name of an index: the list of the shards into which Hugging Face's libraries split large models.
const indexEnding = ".index.json"

// IsIndex tells by the name whether a file is the index of shards.
func IsIndex(path string) bool { return strings.HasSuffix(path, indexEnding) }

// openShards reads the shards that an index lists by means of open, and joins them to one File. Every tensor of the index must be in
// the shard that the index names, and no other tensor may be in a shard.
func openShards(path string, open func(path string) (*File, error)) (*File, error) {
	places, err := readIndex(path)
	if err != nil {
		return nil, err
	}
	whole := &File{Path: path, Format: Safetensors, Tensors: tensor.Map{}}
	sums := sha256.New()
	for _, name := range slices.Compact(slices.Sorted(maps.Values(places))) {
		shard, err := open(filepath.Join(filepath.Dir(path), filepath.FromSlash(name)))
		if err != nil {
			return nil, fmt.Errorf("%s: shard %s: %w", path, name, err)
		}
		for _, tensorName := range shard.Tensors.Names() {
			switch place, listed := places[tensorName]; {
			case !listed:
				return nil, fmt.Errorf("%s: shard %s has the tensor %.200q, which the index does not list: they are of different models, download them again", path, name, tensorName)
			case place != name:
				return nil, fmt.Errorf("%s: the tensor %.200q is in shard %s, and the index says that it is in %s: it is there twice, or they are of different models, download them again", path, tensorName, name, place)
			}
			whole.Tensors[tensorName] = shard.Tensors[tensorName]
		}
		if whole.Format != shard.Format {
			return nil, fmt.Errorf("%s: shard %s is a .%s file, wanted is .%s", path, name, shard.Format, whole.Format)
		}
		whole.Parts = append(whole.Parts, shard.Path)
		fmt.Fprintf(sums, "%s  %s\n", shard.SHA256, name)
		whole.SHA256 = shard.SHA256
	}
	for _, tensorName := range slices.Sorted(maps.Keys(places)) {
		if _, ok := whole.Tensors[tensorName]; !ok {
			return nil, fmt.Errorf("%s: shard %s lacks the tensor %.200q, which the index says it has: download the shard again", path, places[tensorName], tensorName)
		}
	}
	if whole.SHA256 != "" { // not an outline
		whole.SHA256 = hex.EncodeToString(sums.Sum(nil))
	}
	return whole, nil
}

// readIndex returns the shard of every tensor that an index lists, and checks that the shards exist.
func readIndex(path string) (map[string]string, error) {
	text, err := limit.ReadFile(path, limit.Text)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the index %s does not exist: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("the index of shards: %w", err)
	}
	places, err := parseIndex(text)
	if err == nil {
		err = checkShards(filepath.Dir(path), places)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return places, nil
}

func parseIndex(text []byte) (places map[string]string, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	err = object(d, func(key string) error {
		if key != "weight_map" { // "metadata", whose total_size is often wrong
			var skipped json.RawMessage
			return d.Decode(&skipped)
		}
		places = map[string]string{}
		return object(d, func(name string) (err error) {
			if places[name], err = textValue(d); err != nil {
				return fmt.Errorf("%.200q: %w", name, err)
			}
			return nil
		})
	})
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = errors.New("something follows its end")
		}
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("the index of shards cannot be read: %w", noEOF(err))
	case len(places) == 0:
		return nil, errors.New("the index of shards lists no tensors: it has no weight_map")
	}
	return places, nil
}

// maxNamed is how many shards an error names; it counts the rest.
const maxNamed = 5

// checkShards refuses an index of pickles, names that lead out of the folder, and missing files. Shards may be links.
func checkShards(folder string, places map[string]string) error {
	var missing []string
	names := slices.Compact(slices.Sorted(maps.Values(places)))
	for _, name := range names {
		if !filepath.IsLocal(name) || strings.Contains(name, `\`) || slices.Contains(strings.Split(name, "/"), "..") {
			return fmt.Errorf("the index names the shard %.200q, which is not in its folder: do not trust it", name)
		}
		if strings.HasSuffix(name, ".bin") {
			return fmt.Errorf(`the index lists Python pickles (%s), which are not read because they can run code: join and convert them with: python3 -c "import glob, torch, safetensors.torch as s; `+
				`s.save_file({k: v.clone().contiguous() for f in glob.glob('%s') for k, v in torch.load(f, map_location='cpu', weights_only=True).items()}, '%s')"`,
				name, filepath.Join(folder, "pytorch_model-*.bin"), filepath.Join(folder, "model.safetensors"))
		}
		if _, err := os.Stat(filepath.Join(folder, filepath.FromSlash(name))); err != nil {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	more := ""
	if len(missing) > maxNamed {
		more = fmt.Sprintf(" and %d more", len(missing)-maxNamed)
	}
	return fmt.Errorf("%d of the %d shards that the index lists are missing: %s%s; download them into the same folder", len(missing), len(names),
		strings.Join(missing[:min(maxNamed, len(missing))], ", "), more)
}
