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

// Read reads an adapter of this program or of the official implementation. An official state dict also holds
// the weights of the backbone; only the trainable tensors are taken from it.
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
	maps.DeleteFunc(a.Tensors, func(name string, _ tensor.Tensor) bool { return ofTimm(name) })
	if left := before - len(a.Tensors); left > 0 {
		a.Whole = true
		note("adapter %s holds a whole model: its %d trained tensors are taken, the %d of its backbone are left out", path, len(a.Tensors), left)
	}
	if first := fillMaps(a.Tensors); first > 0 {
		note("adapter %s has low-rank maps from block %d on: those of the blocks before are taken as zero, which adds nothing", path, first)
	}
	return a, nil
}

// foreign tells whether the file was written by another program.
func foreign(a *result.Adapter) bool {
	_, own := a.String(result.KeyMethod)
	return !own
}

// unwrap removes the "module." that PyTorch's wrappers of a model put before every name.
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

// ofTimm tells whether a name belongs to the backbone in a timm state dict.
func ofTimm(name string) bool {
	switch name {
	case "cls_token", "pos_embed", "dist_token":
		return true
	}
	return slices.ContainsFunc([]string{"patch_embed.", "blocks.", "norm.", "pre_logits.", "fc_norm."}, func(prefix string) bool {
		return strings.HasPrefix(name, prefix)
	})
}

// Official tells whether a name is of what the official implementation adds to a backbone.
func Official(name string) bool { return name == fusionName || strings.HasPrefix(name, mapPrefix) }

// fillMaps adds maps of zeros for the blocks before the first one that has a map: the official implementation can
// leave maps out there (lora_before_blocks). Zeros in both factors add nothing, and no gradient moves them. It returns the
// number of the first block that has a map.
func fillMaps(tensors tensor.Map) int {
	for first := 0; first <= 1000; first++ { // deeper than any ViT
		down, ok := tensors[mapName(first)+mapDown]
		up, also := tensors[mapName(first)+mapUp]
		if !ok && !also {
			continue
		}
		if !ok || !also {
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

// NoteForeign says what a file of the official implementation does not tell and what is taken instead.
func NoteForeign(ctx context.Context, a *result.Adapter, given runner.MethodConfig, s runner.Settings, bb *backbone.Backbone, note runner.NoteFunc) {
	if !foreign(a) || methodOf(a) == "" {
		return
	}
	var assumed []string
	for _, name := range []string{"beta", "feedback-from"} {
		if _, said := given.Options[name]; !said {
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
