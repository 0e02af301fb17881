// Package backbone has the pre-trained networks that methods adapt: what all families share, how files
// are read and written, and the loop of the forward pass with the taps where a method hooks in. Each
// family of networks is a package below this one that registers itself (see Family). The package knows no method.
package backbone

import (
	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// Architecture is the sizes of a backbone and its forward pass. Each family implements it by a struct of plain numbers, so that
// architectures can be compared with ==.
type Architecture interface {
	Network

	// String is a description that Parse reads.
	String() string
	// Family is the name of the family.
	Family() string
	// Validate returns an error if the numbers make no network.
	Validate() error

	ImageSize() int   // side of the square input in pixels
	PatchSize() int   // side of a patch in pixels
	NormEps() float64 // the epsilon of every LayerNorm
	// Activation is that of the MLPs.
	Activation() Activation
	// Pools lists the ways in which its tokens can be pooled; the first is the usual one.
	Pools() []Pool
	// Lineage names the published networks that it is one of, such as "DINOv2", as far as its form tells; "" if it does not.
	Lineage() string
	Classes() int    // of the backbone's own head, 0 if it has none
	Blocks() []Block // in the order of the forward pass

	// Specs lists every weight, including those of the own head.
	Specs() []Spec
	// LayerWeights names the kernel (the scale in the case of a norm) and the bias, "" if it has none, of the layer that ends at a tap. The last
	// axes of the kernel are the outputs: the elements of one input are contiguous. ok is false if no layer ends there.
	LayerWeights(at Tap) (kernel, bias string, ok bool)
	// With replaces the values that s has.
	With(s Sizes) Architecture
	// WithHead replaces the own head by a linear one for features of the given width and that many classes, 0 for none.
	WithHead(classes, width int) Architecture
	// HeadNames names the kernel [width, classes] and the bias [classes] of the own head.
	HeadNames() (kernel, bias string)
}

// Sizes are values of an architecture that a file's shapes may leave open. Zero stands for none.
type Sizes struct {
	Image int // side of the input in pixels
	Heads int
	Eps   float64 // of LayerNorm
	// Activation is that of the MLPs. Families with one activation ignore it, as they do NormedMean.
	Activation Activation
	// NormedMean means that the mean pool averages tokens that are normalised already, rather than normalising their mean.
	NormedMean bool
}

// Network is the forward pass of a family. Forward has the loop over the blocks and the taps around them; Block calls those
// inside a block through Forward.Tap. A method may put tokens between the prefix and the patches; T then counts them, too, and
// Block, Next and Pooled must take them.
type Network interface {
	// Embed is x_0 [B, T, d] of normalised images [B, S, S, 3].
	Embed(f *Forward, b *graph.Builder, images graph.Value) graph.Value
	// Block is z_i [B, T, d] of x_i. drop applies stochastic depth to a branch (0 attention, 1 MLP).
	Block(f *Forward, b *graph.Builder, block Block, x graph.Value, drop func(branch graph.Value, which int) graph.Value) graph.Value
	// Next maps z_i to x_i+1. It returns z_i itself except at the end of a stage.
	Next(f *Forward, b *graph.Builder, block Block, z graph.Value) graph.Value
	// Pooled turns the last output [B, T, d] into features [B, FeatureWidth], the final LayerNorm included.
	Pooled(f *Forward, b *graph.Builder, x graph.Value, pool Pool) graph.Value
	// OwnHead is the classifier of the pre-training: features [B, FeatureWidth] to logits [B, classes].
	OwnHead(f *Forward, b *graph.Builder, features graph.Value) graph.Value
}

// ShortEnd is a Network whose features may depend on less than all of what its last block gives. The block then computes only that.
type ShortEnd interface {
	// End tells what the features depend on under a pool.
	End(pool Pool) End
	// BlockEnd is that part of what Block returns: [B, 1, d] for MeanEnd, [B, n, d] for TokenEnd. It calls no taps at which the hook
	// is not called (see End.Skips).
	BlockEnd(f *Forward, b *graph.Builder, block Block, x graph.Value, pool Pool, drop func(branch graph.Value, which int) graph.Value) graph.Value
	// PooledEnd is what Pooled returns for tokens of which BlockEnd gave x.
	PooledEnd(f *Forward, b *graph.Builder, x graph.Value, pool Pool) graph.Value
}

// Windowed is an Architecture whose attention is in windows of the grid, so that a block runs on no part of the patches.
type Windowed interface{ HasWindows() }

// Width is d, the size of a token after the last block. It is 0 for an architecture without blocks, which Validate refuses.
func Width(a Architecture) int {
	width := 0
	for _, block := range a.Blocks() {
		width = block.Width
	}
	return width
}

// Heads is the number of attention heads of the first block, 0 without blocks.
func Heads(a Architecture) int {
	for _, block := range a.Blocks() {
		return block.Heads
	}
	return 0
}

// Block is the sizes of one block. They are the same in all blocks of a ViT; in a hierarchical backbone they change from stage to
// stage.
type Block struct {
	Index  int // counted from 0 through all stages; Outside at taps outside of the blocks
	Stage  int // 0 in a backbone of one stage
	Width  int // d, the size of a token
	Heads  int
	MLP    int // hidden units of the MLP
	Side   int // of the square grid of patches
	Prefix int // tokens before the patches, such as the class token
}

// Outside is the Index of a Tap that lies outside of the blocks.
const Outside = -1

// Outside is b as the block of a neighbouring tap that lies outside of the blocks.
func (b Block) Outside() Block {
	b.Index = Outside
	return b
}

// Patches is P, the number of patches.
func (b Block) Patches() int { return b.Side * b.Side }

// Tokens is T, the number of tokens without those of a method: the prefix and the patches.
func (b Block) Tokens() int { return b.Prefix + b.Patches() }

// Role is the role of a weight. It determines the precision in which the weight is stored and whether weight decay applies.
type Role int

const (
	Kernel    Role = iota // of a linear layer or a convolution: the operands of matrix products
	Bias                  // of a layer or a norm; without weight decay
	Scale                 // of a norm
	Embedding             // a token or a table of positions
)

// Spec describes one weight of an architecture.
type Spec struct {
	Name  string
	Shape []int
	Role  Role
	Head  bool // of the backbone's own classifier
}

// Parameters is the number of parameters of a backbone without its own head.
func Parameters(a Architecture) int {
	total := 0
	for _, s := range a.Specs() {
		if !s.Head {
			total += tensor.Size(s.Shape)
		}
	}
	return total
}
