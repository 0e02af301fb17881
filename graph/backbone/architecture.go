// Package backbone holds the pre-trained networks that methods adapt: what they have in common, how
// their files are read and written, and the loop of their forward pass with the points where a method may
// hook in. Each family of networks is a package of its own below this one, which registers itself (see Family).
// It knows no method.
package backbone

import "dtl-tf/graph"

// Architecture is the shape of a backbone and how it is computed. Each family has one struct of plain numbers for it, so that
// two architectures can be compared with ==.
type Architecture interface {
	Network

	// String is the description that Parse reads.
	String() string
	// Family is the name of the family.
	Family() string
	// Validate says in what the numbers make no network.
	Validate() error

	ImageSize() int   // side of the square input in pixels
	PatchSize() int   // side of a patch in pixels
	NormEps() float64 // the epsilon of every LayerNorm
	Classes() int     // of the backbone's own head, 0 if it has none
	Blocks() []Block  // in the order of the forward pass

	// Specs lists every weight, those of the own head included.
	Specs() []Spec
	// LayerWeights names the two weights of the layer that ends at a tap: its kernel, whose elements of one
	// input stand side by side (of a norm: its scale), and its bias. Where no layer ends ok is false.
	LayerWeights(at Tap) (kernel, bias string, ok bool)
	// With is the architecture with other values where s has some.
	With(s Sizes) Architecture
	// WithHead is the architecture with a linear head of so many classes as its own, 0 for none.
	WithHead(classes int) Architecture
	// HeadNames names the kernel [d, classes] and the bias [classes] of the own head.
	HeadNames() (kernel, bias string)
}

// Sizes are values of an architecture that a file's shapes may leave open; zero values stand for none.
type Sizes struct {
	Image int // side of the input in pixels
	Heads int
	Eps   float64 // of LayerNorm
}

// Network is the forward pass of a family. Forward has the loop around it and the taps that all families share; the others
// are called in Block through Forward.Tap.
type Network interface {
	// Embed is x_0 [B, T, d] of normalised images [B, S, S, 3].
	Embed(f *Forward, b *graph.Builder, images graph.Value) graph.Value
	// Block is z_i [B, T, d] of x_i. drop applies stochastic depth to a branch (0 attention, 1 MLP).
	Block(f *Forward, b *graph.Builder, block Block, x graph.Value, drop func(branch graph.Value, which int) graph.Value) graph.Value
	// Next is what stands between z_i and x_i+1, or behind the last block: z_i itself but at the end of a stage.
	Next(f *Forward, b *graph.Builder, block Block, z graph.Value) graph.Value
	// Pooled turns the last output [B, T, d] into features [B, d], the final LayerNorm included.
	Pooled(f *Forward, b *graph.Builder, x graph.Value, pool Pool) graph.Value
	// OwnHead is the classifier as it was trained: features [B, d] to logits [B, classes].
	OwnHead(f *Forward, b *graph.Builder, features graph.Value) graph.Value
}

// Width is d, the size of the features. It is 0 for an architecture without blocks, which Validate refuses.
func Width(a Architecture) int {
	width := 0
	for _, block := range a.Blocks() {
		width = block.Width
	}
	return width
}

// Heads is the number of attention heads of the first block, 0 where there is none.
func Heads(a Architecture) int {
	for _, block := range a.Blocks() {
		return block.Heads
	}
	return 0
}
