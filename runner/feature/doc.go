// Package feature caches values of images that do not change during training, such as the outputs of the leading blocks of a frozen
// backbone. They are computed once and read in every later epoch and run.
//
// A cache folder has one folder for each Key, which holds everything that the values depend on. It stores one file for each
// value, with a row for each image in the order of the images' SHA-256, so a method that needs more values adds files.
// index.json describes the files and is written last. Values that it does not list, or whose files do not match it, are computed
// again.
//
// The files are memory-mapped. A Loader makes the rows of the next batches resident during a step and returns views, so only
// TensorFlow copies the values.
package feature
