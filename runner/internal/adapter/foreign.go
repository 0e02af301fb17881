package adapter

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// Names in the state dict of the official implementation (heekhero/DTL v1.1, models/vision_transformer.py).
const (
	mapPrefix  = "lora_dict." // lora_dict.N.lora_A [r, d], lora_dict.N.lora_B [d, r]
	mapDown    = ".lora_A"
	mapUp      = ".lora_B"
	fusionName = "lora_fusion.weight" // [d, 1, k, k]
)

// Read reads an adapter of this program or of the official implementation. From an official state dict, which also has the weights
// of the backbone, it takes only the trainable tensors.
func Read(path string, note runner.NoteFunc) (*result.Adapter, error) {
	a, err := result.ReadAdapter(path)
	if err != nil || !foreign(a) {
		return a, err
	}
	unwrap(a.Tensors)
	if methodOf(a) == "" {
		return a, nil
	}
	before := len(a.Tensors)
	maps.DeleteFunc(a.Tensors, func(name string, _ tensor.Tensor) bool { return isTimm(name) })
	if left := before - len(a.Tensors); left > 0 {
		a.Whole = true
		note("adapter %s contains a whole model: its %d trained tensors are used, the %d of its backbone are not", path, len(a.Tensors), left)
	}
	if first := fillMaps(a.Tensors); first > 0 {
		note("adapter %s has low-rank maps from block %d on: those of earlier blocks are taken as zero, which adds nothing", path, first)
	}
	return a, nil
}

// foreign reports whether another program wrote the file.
func foreign(a *result.Adapter) bool {
	_, own := a.Meta[result.KeyMethod]
	return !own
}

// unwrap removes the prefix "module." that PyTorch's model wrappers add to every name.
func unwrap(tensors tensor.Map) {
	const prefix = "module."
	names := tensors.Names()
	if slices.ContainsFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) }) {
		return
	}
	for _, name := range names {
		tensors[strings.TrimPrefix(name, prefix)] = tensors[name]
		delete(tensors, name)
	}
}

// isTimm reports whether a name is of the backbone in a timm state dict.
func isTimm(name string) bool {
	return slices.Contains([]string{"cls_token", "pos_embed", "dist_token"}, name) ||
		slices.ContainsFunc([]string{"patch_embed.", "blocks.", "norm.", "pre_logits.", "fc_norm."}, func(prefix string) bool {
			return strings.HasPrefix(name, prefix)
		})
}

// Official reports whether a name is of a tensor that the official implementation adds to a backbone.
func Official(name string) bool { return name == fusionName || strings.HasPrefix(name, mapPrefix) }

// fillMaps adds zero maps for the blocks before the first map, which the official implementation can leave out
// (lora_before_blocks). With both factors zero they add nothing and get no gradient. It returns the block of the first map.
func fillMaps(tensors tensor.Map) int {
	const maxBlocks = 1000 // deeper than any ViT
	for first := range maxBlocks {
		down, hasDown := tensors[mapName(first)+mapDown]
		up, hasUp := tensors[mapName(first)+mapUp]
		if !hasDown && !hasUp {
			continue
		}
		if !hasDown || !hasUp {
			return 0
		}
		down, up = tensor.Zeros(down.Shape...), tensor.Zeros(up.Shape...)
		for i := range first {
			tensors[mapName(i)+mapDown], tensors[mapName(i)+mapUp] = down, up
		}
		return first
	}
	return 0
}

func mapName(block int) string { return mapPrefix + strconv.Itoa(block) }

// NoteForeign notes the settings that a file of the official implementation lacks and the assumed values.
func NoteForeign(ctx context.Context, a *result.Adapter, given runner.MethodConfig, s runner.Settings, bb *backbone.Backbone, note runner.NoteFunc) {
	if !foreign(a) || methodOf(a) == "" {
		return
	}
	var assumed []string
	for _, name := range []string{"beta", "feedback-from"} {
		if _, ok := given.Options[name]; !ok {
			assumed = append(assumed, "--"+name+" "+s.Options[name])
		}
	}
	if given.Pool == "" {
		assumed = append(assumed, "--pool "+string(s.Pool))
	}
	if assumed != nil {
		note("adapter %s has no metadata: it is taken as %s of rank %s, with the paper's %s", a.Path, s.Method.Name(), s.Options["rank"], strings.Join(assumed, ", "))
	}
	if !a.Whole {
		return
	}
	own, err := backbone.Load(ctx, a.Path, backbone.Options{Heads: bb.Heads(), Image: bb.ImageSize(), Beside: Official})
	switch {
	case err != nil:
		note("the backbone inside %s can't be compared with %s: %v", a.Path, bb.Path, err)
	case own.Fingerprint() != bb.Fingerprint():
		note("the backbone inside %s is not the one of %s: --backbone %s would use its own", a.Path, bb.Path, a.Path)
	}
}
