// Package train holds the training loop and the learning-rate schedule. It knows nothing of
// TensorFlow, files, tables or progress bars: a step is a function, and everything that
// watches a run attaches from outside as a hook.
package train
