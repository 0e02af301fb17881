package backbone

import "dtl-tf/graph"

// Point names a place of the forward pass at which a method may act.
type Point int

// The points in the order in which the data passes them. "in -> out" are the two values that a
// hook is given; T counts all tokens, P the patches.
const (
	PatchEmbedding  Point = iota // patches [B, P, p*p*3] -> tokens [B, P, d]
	Tokens                       // the sequence x_0 [B, T, d], positions added; in = out
	BlockInput                   // x_i [B, T, d]; in = out
	Norm1                        // [B, T, d] -> [B, T, d]
	Query                        // [B, T, d] -> [B, T, d]
	Key                          // [B, T, d] -> [B, T, d]
	Value                        // [B, T, d] -> [B, T, d]
	Projection                   // heads' output [B, T, d] -> [B, T, d]
	AttentionBranch              // residual stream [B, T, d] -> what is about to be added to it
	Norm2                        // [B, T, d] -> [B, T, d]
	FC1                          // [B*T, d] -> [B*T, mlp], before GELU
	FC2                          // [B*T, mlp] -> [B*T, d]
	MLPBranch                    // residual stream [B, T, d] -> what is about to be added to it
	MLPOutput                    // residual stream before the MLP [B, T, d] -> after it, behind stochastic depth
	BlockOutput                  // x_i [B, T, d] -> z_i [B, T, d]
	FinalNorm                    // [B, d] or [B, T, d] -> the same shape
)

// Tap is a point of a certain block. The points outside of the blocks carry the block next to them (Block.Outside): the first
// one at PatchEmbedding and Tokens, the last one at FinalNorm. Taps are comparable, so they serve as keys.
type Tap struct {
	Point Point
	Block Block
}

// Hook is called at every tap with what goes in and what comes out there, and returns what goes
// on instead of out. Returning out changes nothing. Hooks are called in the order of the forward
// pass, so a hook may carry state from block to block; it serves for one forward pass. The taps between BlockInput
// and BlockOutput may be called again, on a part of the samples, to make a block again in the backward pass: what a hook does
// there must follow from in and out, from parameters and from what it saw in the same block.
type Hook func(b *graph.Builder, at Tap, in, out graph.Value) graph.Value
