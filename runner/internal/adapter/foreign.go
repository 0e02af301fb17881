package adapter

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// Names in the state dict of the official implementation (heekhero/DTL v1.1, models/vision_transformer.py and swin_transformer.py).
const (
	mapPrefix    = "lora_dict."         // lora_dict.N.lora_A [r, d], lora_dict.N.lora_B [d, r]
	filterName   = "lora_fusion.weight" // [d, 1, k, k]
	stageFilters = "lora_fusions."      // lora_fusions.S.weight in a backbone of several stages
)

// Families of the official implementation's backbones.
const (
	officialViT  = "vit"
	officialSwin = "swin"
)

// Options of DTL that follow from tensors, or that a file without metadata leaves open.
const (
	sideFrom     = "side-from"
	feedbackFrom = "feedback-from"
)

// Read reads an adapter of this program or of the official implementation. From an official state dict, which also has the weights
// of the backbone, it takes only the trainable tensors.
func Read(path string, note runner.NoteFunc) (*result.Adapter, error) {
	a, err := result.ReadAdapter(FileOf(path))
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
		slices.ContainsFunc([]string{"patch_embed.", "blocks.", "layers.", "norm.", "pre_logits.", "fc_norm."}, func(prefix string) bool {
			return strings.HasPrefix(name, prefix)
		})
}

// Official reports whether a name is of a tensor that the official implementation adds to a backbone.
func Official(name string) bool {
	return name == filterName || strings.HasPrefix(name, stageFilters) || strings.HasPrefix(name, mapPrefix)
}

// optionOf infers an option from the names and shapes of the official implementation's tensors; ok is false if it can't.
func optionOf(tensors tensor.Map, option string) (value int, ok bool) {
	first, found := firstMap(tensors)
	var shape []int
	axis := 0
	switch option {
	case sideFrom:
		return first, found
	case "rank":
		shape = tensors[fmt.Sprintf(mapPrefix+"%d.lora_A", first)].Shape
	case "kernel":
		axis = 2
		for _, name := range tensors.Names() {
			if name == filterName || strings.HasPrefix(name, stageFilters) {
				shape = tensors[name].Shape
			}
		}
	}
	if axis >= len(shape) || shape[axis] <= 0 {
		return 0, false
	}
	return shape[axis], true
}

// officialFamily is the family of the official implementation's backbones to which tensors without metadata belong: a Swin has
// several stages, so its maps differ in width. It is "" if the tensors leave it open, as maps of a Swin's last stage do.
func officialFamily(tensors tensor.Map) string {
	widths := map[int]bool{}
	for name, t := range tensors {
		switch {
		case name == filterName:
			return officialViT
		case strings.HasPrefix(name, stageFilters):
			return officialSwin
		case strings.HasPrefix(name, mapPrefix) && strings.HasSuffix(name, ".lora_A") && len(t.Shape) == 2:
			widths[t.Shape[1]] = true
		}
	}
	first, _ := firstMap(tensors)
	switch {
	case len(widths) > 1:
		return officialSwin
	case len(widths) == 1 && first == 0:
		return officialViT
	}
	return ""
}

// firstMap is the first block with a low-rank map. The official implementation can leave out those before it (lora_before_blocks).
func firstMap(tensors tensor.Map) (block int, ok bool) {
	for name := range tensors {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, mapPrefix), ".")
		if n, err := strconv.Atoi(number); err == nil && n >= 0 && strings.HasPrefix(name, mapPrefix) && (!ok || n < block) {
			block, ok = n, true
		}
	}
	return block, ok
}

// NoteForeign notes the settings that a file of the official implementation lacks and the assumed values.
func NoteForeign(ctx context.Context, a *result.Adapter, given runner.MethodConfig, s runner.Settings, bb *backbone.Backbone, note runner.NoteFunc) {
	if !foreign(a) || methodOf(a) == "" {
		return
	}
	var assumed []string
	for _, name := range []string{"beta", feedbackFrom} {
		if _, ok := given.Options[name]; !ok {
			assumed = append(assumed, "--"+name+" "+s.Options[name])
		}
	}
	if given.Pool == "" {
		assumed = append(assumed, "--pool "+string(s.Pool))
	}
	if assumed != nil {
		maps := ""
		if first, _ := firstMap(a.Tensors); first > 0 {
			maps = fmt.Sprintf(" with low-rank maps from block %d on", first)
		}
		note("adapter %s has no metadata: it is taken as %s of rank %s%s, with the paper's %s",
			a.Path, s.Method.Name(), s.Options["rank"], maps, strings.Join(assumed, ", "))
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
