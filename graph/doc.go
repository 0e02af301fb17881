// Package graph builds TensorFlow graphs whose backward pass is written here, not by
// TensorFlow's C++ gradients.
//
// A Builder adds nodes; a Value is the output of one with its shape. A layer (Linear,
// LayerNorm, Attention, ...) is three things: a forward pass, a hand-written vector-Jacobian
// product, and the list of what it keeps for it. Where an input needs no gradient, nothing is
// recorded and nothing is kept, so a frozen prefix of a backbone costs no memory.
//
// Why not AddGradients: TensorFlow's executor runs a node as soon as its inputs are there. The
// backward nodes that depend on forward values only (the exp(-x*x) of Erf's gradient, say)
// then run during the forward pass and their results stay alive until the gradient arrives;
// such a graph holds 1.7 times the bytes that PyTorch holds. Here whatever a layer kept
// is read again through an Identity that waits for the incoming gradient (see Gate), so every
// backward node runs late. AddGradients and finite differences check the products in tests.
//
// Shapes are written [B, T, d]: batch, tokens, width. The batch may be unknown (-1).
package graph
