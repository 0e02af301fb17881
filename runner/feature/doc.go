// Package feature stores values of images that never change during training, such as what the leading blocks of a frozen
// backbone make of them, so that they are computed once and read in every later epoch and by every later run.
//
// A folder of caches holds one folder for each Key: everything that the values depend on. In it is one file a value, with a
// row for each image, in the order of the images' sha256; so another method that needs more values adds files to those
// that are there. index.json says what the files are and is written last. Values that are not in it, or whose file is not as it
// says, are computed anew.
//
// The files are mapped into memory. A Loader makes the rows of the coming batches resident while a step runs on the
// rows before, and hands out views: nothing is copied but into TensorFlow's own memory.
package feature
