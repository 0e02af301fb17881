// Package graph builds TensorFlow graphs whose backward pass is written here, not by
// TensorFlow's C++ gradients.
//
// A Builder adds nodes; a Value is the output of a node together with its shape. A layer (Linear,
// LayerNorm, Attention, ...) consists of a forward pass, a hand-written vector-Jacobian product, and
// the activations that it saves for that product. Where no input needs a gradient, nothing is recorded
// or saved, so a frozen prefix of a backbone costs no activation memory.
//
// Why not AddGradients: TensorFlow's executor runs a node as soon as its inputs are ready. Backward
// nodes that depend on forward values only (the exp(-x*x) of Erf's gradient, say) then run during the
// forward pass, and their results stay alive until the gradient arrives. Such a graph needs 1.7 times
// the memory of PyTorch. In this package a backward node reads a saved activation through an Identity that
// waits for the incoming gradient (see Gate), so every backward node runs late. Tests check the
// products against AddGradients and finite differences.
//
// Shapes are written [B, T, d]: batch, tokens, width. The batch may be unknown (-1).
package graph
