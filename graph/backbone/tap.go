package backbone

import "dtl-tf/graph"

// Point is a place in the forward pass where a method may act.
type Point int

// The points in order of the forward pass. "in -> out" are the two values that the hook is given; T
// counts all tokens, P the patches. Between Norm1 and AttentionBranch a backbone with windows has [B n, T, d] in place of
// [B, T, d], where n and T are the windows and the tokens of one. A family calls the hook at the points that its blocks have.
const (
	PatchEmbedding  Point = iota // patches [B, P, p*p*3] -> tokens [B, P, d]
	EmbeddingNorm                // [B, P, d] -> [B, P, d]; in a ViT, of all tokens with positions added: [B, T, d] -> [B, T, d]
	Tokens                       // the sequence x_0 [B, T, d], positions added; in = out
	BlockInput                   // x_i [B, T, d]; in = out
	Norm1                        // [B, T, d] -> [B, T, d]
	Query                        // [B, T, d] -> [B, T, d]
	Key                          // [B, T, d] -> [B, T, d]
	Value                        // [B, T, d] -> [B, T, d]
	Projection                   // heads' output [B, T, d] -> [B, T, d]
	AttentionBranch              // residual stream [B, T, d] -> what is about to be added to it
	Norm2                        // [B, T, d] -> [B, T, d]
	FC1                          // [B*T, d] -> [B*T, mlp], before the activation
	Gate                         // [B*T, d] -> [B*T, mlp], in MLPs with SwiGLU
	InnerNorm                    // [B*T, mlp] -> [B*T, mlp]
	FC2                          // [B*T, mlp] -> [B*T, d]
	MLPBranch                    // residual stream [B, T, d] -> what is about to be added to it
	MLPOutput                    // residual stream before the MLP [B, T, d] -> after it, stochastic depth applied
	OwnBranch                    // z_i [B, T, d] -> a method's branch [B, T, d], added to z_i after stochastic depth; the zero Value for none, as out is
	BlockOutput                  // x_i [B, T, d] -> z_i [B, T, d], the own branch included
	BlockAddend                  // x_i [B, T, d] -> what a method adds to z_i [B, T, d]; the zero Value for none, as out is
	MergeNorm                    // at the end of a stage, with 4d and the T of the next stage: [B, T, 4d] -> [B, T, 4d]
	FinalNorm                    // [B, d] or [B, T, d] -> the same shape
	Features                     // what the pool gives [B, d] -> what the classifier reads, of any width; in = out
)

// Tap is a point of a block. Points outside of the blocks carry the neighbouring block (Block.Outside): the first one at
// PatchEmbedding, EmbeddingNorm and Tokens, the last one at FinalNorm and Features. MergeNorm carries the block before it. Taps are comparable,
// so they can be map keys.
type Tap struct {
	Point Point
	Block Block
}

// Hook is called at every tap with the input and the output of the layer there, and returns the value that replaces
// out. Returning out changes nothing. Calls follow the order of the forward pass, so a hook may carry state from block
// to block; a hook serves one forward pass. The taps between BlockInput and BlockOutput may be called once more, on part of
// the samples, when the backward pass recomputes a block. There a hook may depend only on in and out, on parameters and on
// what it saw in the same block.
type Hook func(b *graph.Builder, at Tap, in, out graph.Value) graph.Value
