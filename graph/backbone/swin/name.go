package swin

import (
	"fmt"

	"dtl-tf/graph/backbone"
)

// Names of weights throughout the program. Blocks and stages are named as in timm; kernels are [in, out], the patch embedding is
// [p, p, 3, d], and query, key and value are separate.
const (
	patchKernel = "patch_embed/proj/kernel"
	patchBias   = "patch_embed/proj/bias"
	patchNorm   = "patch_embed/norm"
	finalNorm   = "norm"
	headKernel  = "head/kernel"
	headBias    = "head/bias"

	tableName = "attn/relative_position_bias_table"
)

func (a Architecture) HeadNames() (kernel, bias string) { return headKernel, headBias }

// inBlock is a name below a block, counted from 0 in each stage: "layers.2.blocks.5/norm1".
func (a Architecture) inBlock(b backbone.Block, name string) string {
	return fmt.Sprintf("layers.%d.blocks.%d/%s", b.Stage, b.Index-a.first(b.Stage), name)
}

// first is the index of a stage's first block.
func (a Architecture) first(stage int) int {
	n := 0
	for _, depth := range a.Depths[:stage] {
		n += depth
	}
	return n
}

// inMerge is a name in the patch merging at the end of a stage.
func inMerge(stage int, name string) string {
	return fmt.Sprintf("layers.%d.downsample/%s", stage, name)
}

// layer is a layer of a block, or one of its norms: the tap at which it ends, its name and its sizes.
type layer struct {
	point   backbone.Point
	name    string
	in, out int // in is 0 for a norm
}

// blockLayers lists the layers of a block in the order of their weights.
func blockLayers(b backbone.Block) []layer {
	d, m := b.Width, b.MLP
	return []layer{
		{backbone.Norm1, "norm1", 0, d},
		{backbone.Query, "attn/query", d, d}, {backbone.Key, "attn/key", d, d}, {backbone.Value, "attn/value", d, d},
		{backbone.Projection, "attn/proj", d, d},
		{backbone.Norm2, "norm2", 0, d},
		{backbone.FC1, "mlp/fc1", d, m}, {backbone.FC2, "mlp/fc2", m, d},
	}
}

func (a Architecture) Specs() []backbone.Spec {
	var specs []backbone.Spec
	add := func(name string, role backbone.Role, shape ...int) {
		specs = append(specs, backbone.Spec{Name: name, Shape: shape, Role: role})
	}
	norm := func(name string, d int) {
		add(name+"/scale", backbone.Scale, d)
		add(name+"/bias", backbone.Bias, d)
	}
	d := a.Width
	add(patchKernel, backbone.Kernel, a.Patch, a.Patch, 3, d)
	add(patchBias, backbone.Bias, d)
	norm(patchNorm, d)
	for _, b := range a.Blocks() {
		for _, l := range blockLayers(b) {
			name := a.inBlock(b, l.name)
			if l.in == 0 {
				norm(name, l.out)
				continue
			}
			add(name+"/kernel", backbone.Kernel, l.in, l.out)
			add(name+"/bias", backbone.Bias, l.out)
		}
		// A bias like the others: VPT's code trains it with them, and timm exempts it from weight decay.
		add(a.inBlock(b, tableName), backbone.Bias, tableRows(a.window(b.Stage)), b.Heads)
		if d := b.Width; a.endsStage(b) {
			norm(inMerge(b.Stage, "norm"), 4*d)
			add(inMerge(b.Stage, "reduction/kernel"), backbone.Kernel, 4*d, 2*d)
		}
	}
	width := backbone.Width(a)
	norm(finalNorm, width)
	if a.Labels > 0 {
		specs = append(specs, backbone.Spec{Name: headKernel, Shape: []int{width, a.Labels}, Role: backbone.Kernel, Head: true},
			backbone.Spec{Name: headBias, Shape: []int{a.Labels}, Role: backbone.Bias, Head: true})
	}
	return specs
}

// endsStage tells whether patches merge after a block.
func (a Architecture) endsStage(b backbone.Block) bool {
	return b.Stage < a.stages()-1 && b.Index+1 == a.first(b.Stage+1)
}

func (a Architecture) LayerWeights(at backbone.Tap) (kernel, bias string, ok bool) {
	norm := func(name string) (kernel, bias string, ok bool) { return name + "/scale", name + "/bias", true }
	switch at.Point {
	case backbone.PatchEmbedding:
		return patchKernel, patchBias, true
	case backbone.EmbeddingNorm:
		return norm(patchNorm)
	case backbone.FinalNorm:
		return norm(finalNorm)
	case backbone.MergeNorm:
		if !a.endsStage(at.Block) {
			return "", "", false
		}
		return norm(inMerge(at.Block.Stage, "norm"))
	}
	for _, l := range blockLayers(at.Block) {
		if l.point != at.Point {
			continue
		}
		if name := a.inBlock(at.Block, l.name); l.in > 0 {
			return name + "/kernel", name + "/bias", true
		}
		return norm(a.inBlock(at.Block, l.name))
	}
	return "", "", false
}
