package dtl

import (
	"fmt"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// prefix is the part of the forward pass that is the same in every epoch: the leading blocks whose input depends on no
// trainable value and inside which the method neither reads nor changes anything. In DTL these are the blocks 0..M, in linear
// probing and LST all blocks, in LoRA none. The values of the prefix that the rest of the step needs can be computed once per
// image and stored.
type prefix struct {
	blocks   int         // number of leading blocks
	values   []stored    // of the watched pass: what the method reads, and the value from which the pass resumes
	last     string      // name of the value from which the pass resumes, "" if that is features
	as       string      // name under which the pass takes it
	features graph.Value // [B, d] of the watched pass, if only the classifier follows
	fetches  []tf.Output // the values in float32
	shortEnd bool        // of what the last block gives, only what the pool reads is needed (see backbone.Forward.ShortEnd)
}

// stored is a value of the prefix: a block's input or output (see backbone.InputName), or features.
type stored struct {
	name   string
	value  graph.Value
	needed bool
}

// useFeatures replaces the features, if they are a value of the prefix, by those of another pass.
func (p *prefix) useFeatures(features graph.Value) {
	if !p.features.Defined() {
		return
	}
	p.features = features
	for i, v := range p.values {
		if v.name == "features" {
			p.values[i].value = features
		}
	}
}

// summing is a method that reads outputs of blocks only through the sum of those from block sumFrom on, which must be of one size, so
// that one stored value is enough. Its hook takes outputs that are not defined as zero, and that of the last block as the sum of the others too.
type summing interface{ sumFrom() int }

// sumName is the name of the stored sum of the outputs from a block on: sum_00 of all of them.
func sumName(from int) string { return fmt.Sprintf("sum_%02d", from) }

// summed is the prefix in which a stored sum stands for all outputs from block from on.
func (p prefix) summed(b *graph.Builder, blocks []backbone.Block, from int) prefix {
	sum := sumOutputs(b, blocks, from, func(name string) graph.Value {
		return p.values[slices.IndexFunc(p.values, func(v stored) bool { return v.name == name })].value
	})
	name := sumName(from) // a feature cache holds the values of several methods by name
	return prefix{blocks: p.blocks, values: []stored{{name, sum, true}}, last: name, as: p.as}
}

// sumOutputs is the sum of the outputs of the blocks from a block on, which value finds by name.
func sumOutputs(b *graph.Builder, blocks []backbone.Block, from int, value func(name string) graph.Value) (sum graph.Value) {
	for i := from; i < len(blocks); i++ {
		if out := graph.Detach(value(backbone.OutputName(blocks, i))); sum.Defined() {
			sum = b.Add(sum, out)
		} else {
			sum = out
		}
	}
	return sum
}

// Stored describes a value of the prefix that a training step can read from the feature cache.
type Stored struct {
	Name  string // x_07 is the input of block 7 in the plain backbone, sum_00 a sum of outputs, features the pooled and normalised vector
	Shape []int  // for one image: [T, d] or [d]
}

// Stored lists the values of the prefix that a training step needs, in the order in which ComputeStored returns them and
// StoredTrainer takes them. It is empty if there is no prefix: if the method acts inside or before the first block, or if
// stochastic depth acts on the prefix (DropPathAll).
func (m *Model) Stored(t Training) []Stored {
	if m.dropsPrefix(t) {
		return nil
	}
	var list []Stored
	for _, v := range m.cached.values {
		list = append(list, Stored{v.name, slices.Clone(v.value.Shape[1:])})
	}
	return list
}

// placeholders adds inputs for the stored values of a batch. It returns them twice: in the order of Stored, and as the values
// from which the forward pass resumes, which exist once the variables of the sets have been read.
func (p prefix) placeholders(b *graph.Builder, batch int, precision graph.Precision, sets ...*graph.Variables) ([]graph.Value, backbone.Given) {
	var inputs []graph.Value
	given := p.given(b, func(v stored) graph.Value {
		input := b.Placeholder(v.name, precision.DataType(), append([]int{batch}, v.value.Shape[1:]...)...)
		inputs = append(inputs, input)
		return b.AfterReads(input, sets...)
	})
	return inputs, given
}

// given returns the values from which the forward pass resumes. value finds each, in the order of the prefix.
func (p prefix) given(b *graph.Builder, value func(v stored) graph.Value) backbone.Given {
	given := backbone.Given{Blocks: p.blocks, Values: map[string]graph.Value{}}
	for _, v := range p.values {
		input := value(v)
		switch v.name {
		case "features":
			given.Features = b.Float(input)
		case p.last:
			given.Values[p.as] = b.Float(input) // the residual stream is float32
		default:
			given.Values[v.name] = input
		}
	}
	return given
}
