package hub

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"dtl-tf/graph/limit"
)

// shards returns the files that the index of a model's weights lists. They are in the folder of the index.
func shards(file, index string) ([]string, error) {
	raw, err := limit.ReadFile(file, limit.Text)
	if err != nil {
		return nil, err
	}
	var content struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, fmt.Errorf("%s is damaged or no index of weights: %w", index, err)
	}
	var names []string
	for _, name := range content.Map {
		full := path.Join(path.Dir(index), name)
		if !localName(name) || strings.Contains(name, "/") || !strings.HasSuffix(name, weightsEnd) {
			return nil, fmt.Errorf("%s lists %q, which is no .safetensors file beside it: do not trust this model", index, name)
		}
		if !slices.Contains(names, full) {
			names = append(names, full)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s lists no weights", index)
	}
	slices.Sort(names)
	return names, nil
}
