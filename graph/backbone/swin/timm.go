package swin

import (
	"fmt"
	"regexp"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// timm is the layout of timm's and Microsoft's swin_transformer.py (PyTorch). The patch merging between two stages belongs to the
// first of them in timm before 0.9 and in Microsoft's files ("layers.0.downsample" is the first), to the second in later versions
// of timm ("layers.1.downsample" is the first).
var timm = backbone.Layout{
	Naming: "timm",
	Owns: func(m tensor.Map) bool {
		for name := range m {
			if strings.HasPrefix(name, "layers.0.blocks.0.") {
				return true
			}
		}
		return false
	},
	Shapes: shapesOfTimm, Convert: convertTimm, Sources: sources,
}

// timmNames are the names that differ between the versions of timm.
type timmNames struct {
	head  string // "head" or "head.fc"
	opens int    // 1 if a patch merging opens the second of its stages, else 0
}

func namesOf(m tensor.Map) timmNames {
	n := timmNames{head: "head", opens: 1}
	for name := range m {
		switch {
		case strings.HasPrefix(name, "layers.0.downsample."):
			n.opens = 0
		case strings.HasPrefix(name, "head.fc."):
			n.head = "head.fc"
		}
	}
	return n
}

func shapesOfTimm(f *weight.File) (backbone.Architecture, error) {
	n := namesOf(f.Tensors)
	shape := func(name string, rank int) ([]int, error) {
		t, err := f.Get(name)
		if err == nil && len(t.Shape) != rank {
			err = fmt.Errorf("%s: tensor %s has shape %v, wanted %d axes", f.Path, name, t.Shape, rank)
		}
		return t.Shape, err
	}
	kernel, err := shape("patch_embed.proj.weight", 4)
	if err != nil {
		return nil, err
	}
	fc1, err := shape("layers.0.blocks.0.mlp.fc1.weight", 2)
	if err != nil {
		return nil, err
	}
	a := Architecture{Width: kernel[0], Patch: kernel[2], MLP: fc1[0]}
	if err := a.readStages(f, "layers.%d.blocks.%%d.", timmTable); err != nil {
		return nil, err
	}
	stages := a.stages()
	if merge := fmt.Sprintf("layers.%d.downsample.norm.weight", stages-1); n.opens == 0 && f.Tensors[merge].Data != nil {
		return nil, fmt.Errorf("%s: there is a %s, but no stage after it: the file is incomplete", f.Path, merge)
	}
	if last, err := shape("norm.weight", 1); err == nil && last[0] != a.Width<<(stages-1) {
		return nil, fmt.Errorf("%s: norm.weight is for a width of %d, but the last of %d stages has %d: a stage is missing", f.Path, last[0], stages, a.Width<<(stages-1))
	}
	if t, ok := f.Tensors[n.head+".weight"]; ok && len(t.Shape) == 2 {
		a.Labels = t.Shape[0]
	}
	return a, nil
}

// timmTable is the name of a block's table of relative positions.
const timmTable = "layers.%d.blocks.%d.attn.relative_position_bias_table"

func convertTimm(f *weight.File, arch backbone.Architecture) (tensor.Map, error) {
	a, n, c := arch.(Architecture), namesOf(f.Tensors), backbone.NewConverter(f)
	c.PatchKernel("patch_embed.proj.weight", patchKernel, a.Patch, a.Width)
	c.Copy("patch_embed.proj.bias", patchBias, a.Width)
	c.Norm("patch_embed.norm", patchNorm, a.Width)
	for _, b := range a.Blocks() {
		d, m, number := b.Width, b.MLP, b.Index-a.first(b.Stage)
		from := fmt.Sprintf("layers.%d.blocks.%d.", b.Stage, number)
		to := a.inBlock(b, "")
		c.Norm(from+"norm1", to+"norm1", d)
		c.Norm(from+"norm2", to+"norm2", d)
		c.QKV(from+"attn.qkv", [3]string{to + "attn/query", to + "attn/key", to + "attn/value"}, []int{d, d}, []int{d})
		c.Linear(from+"attn.proj", to+"attn/proj", d, []int{d, d}, []int{d})
		c.Linear(from+"mlp.fc1", to+"mlp/fc1", d, []int{d, m}, []int{m})
		c.Linear(from+"mlp.fc2", to+"mlp/fc2", m, []int{m, d}, []int{d})
		rows := f.Tensors[fmt.Sprintf(timmTable, b.Stage, 0)].Shape[0]
		if t := c.Get(from+"attn.relative_position_bias_table", rows, b.Heads); t.Data != nil {
			c.Put(to+tableName, resampleTable(t, a.window(b.Stage)))
		}
		if a.endsStage(b) {
			merge := fmt.Sprintf("layers.%d.downsample.", b.Stage+n.opens)
			c.Norm(merge+"norm", inMerge(b.Stage, "norm"), 4*d)
			c.Kernel(merge+"reduction.weight", inMerge(b.Stage, "reduction/kernel"), 2*d, 4*d, []int{4 * d, 2 * d})
		}
	}
	c.Norm("norm", finalNorm, backbone.Width(a))
	if a.Labels > 0 {
		c.Linear(n.head, "head", backbone.Width(a), []int{backbone.Width(a), a.Labels}, []int{a.Labels})
	}
	return c.Done(a)
}

// buffers matches tensors that follow from the sizes of the network.
var buffers = regexp.MustCompile(`\.attn\.relative_position_index$|\.attn_mask$`)

func unused(_ tensor.Map, name string) bool { return buffers.MatchString(name) }
