package dtl

import (
	"fmt"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// prefix is the part of the forward pass that is the same in every epoch: the leading blocks whose input no
// trainable value reaches and inside which the method has no hand. In DTL these are the blocks 0..M, in linear
// probing and LST all of them, in LoRA none. What of its values the rest of the step needs can be computed once an image and stored.
type prefix struct {
	blocks   int         // so many leading blocks
	values   []stored    // of the watched pass: those that the method reads, and that from which the pass goes on
	last     string      // the name of the latter, "" where it is features
	features graph.Value // [B, d] of the watched pass where nothing but the classifier comes after them
	fetches  []tf.Output // the values in float32
}

// stored is a value of the prefix by its name (see backbone.InputName), or features.
type stored struct {
	name   string
	value  graph.Value
	needed bool
}

// Stored is a value of the prefix that a training step can take from a store.
type Stored struct {
	Name  string // x_07 is the input of block 7 in the plain backbone, features the pooled and normalised vector
	Shape []int  // of one image: [T, d] or [d]
}

// Stored lists what a training step needs of the part of the forward pass that never changes, in the order in which
// ComputeStored gives it and StepStored takes it. It is empty where there is no such part: where the method
// reaches into the first block, or stochastic depth does (Config.DropPath with DropPathAll).
func (m *Model) Stored() []Stored {
	if m.Config.dropsIn(m.prefix.blocks) {
		return nil
	}
	var list []Stored
	for _, v := range m.prefix.values {
		list = append(list, Stored{v.name, slices.Clone(v.value.Shape[1:])})
	}
	return list
}

// fetched adds the nodes that give the needed values in float32.
func (p prefix) fetched(b *graph.Builder) []tf.Output {
	var list []tf.Output
	for _, v := range p.values {
		list = append(list, b.In(v.name).Float(graph.Detach(v.value)).Output)
	}
	return list
}

// placeholders adds inputs for the stored values of a batch, and returns them in the order of Stored and as what the forward
// pass resumes from.
func (p prefix) placeholders(b *graph.Builder, batch int, precision graph.Precision) ([]graph.Value, backbone.Given) {
	given := backbone.Given{Blocks: p.blocks, Values: map[string]graph.Value{}}
	var inputs []graph.Value
	for _, v := range p.values {
		input := b.Placeholder(v.name, precision.DataType(), append([]int{batch}, v.value.Shape[1:]...)...)
		inputs = append(inputs, input)
		switch v.name {
		case "features":
			given.Features = b.Float(input)
		case p.last:
			given.Values[v.name] = b.Float(input) // the residual stream goes on in float32
		default:
			given.Values[v.name] = input
		}
	}
	return inputs, given
}

// ComputeStored runs images [n, S, S, 3], any number, through the prefix: the values of Stored, each [n, Shape...] in float32.
func (s *Session) ComputeStored(images tensor.Tensor) ([]tensor.Tensor, error) {
	if len(s.prefix.fetches) == 0 {
		return nil, fmt.Errorf("values to store: method %s leaves no part of the backbone as it is", s.Config.Method.Name())
	}
	out, err := s.session.Run([]graph.Feed{{Output: s.images.Output, Value: images}}, s.prefix.fetches)
	if err != nil {
		return nil, fmt.Errorf("values to store: %w", err)
	}
	return out, nil
}

// StepStored is Step on stored values [B, Shape...] instead of images, of the element type that Config.Store names.
func (s *Session) StepStored(values []tensor.Tensor, labels []int32, lr float64, step int) (float64, error) {
	input, err := s.storedFeeds(values)
	if err != nil {
		return 0, err
	}
	return s.run(input, labels, lr, step)
}
