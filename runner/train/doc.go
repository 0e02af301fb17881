// Package train has the training loop and the learning-rate schedule. It does not know TensorFlow, files, tables or progress bars:
// a step is a function, and observers attach as hooks.
package train
