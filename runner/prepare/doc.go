// Package prepare makes a data set in the layout of VTAB-1k (images/, train800.txt, val200.txt, train800val200.txt,
// test.txt) from what is published: class folders, the archives of CIFAR-10 and CIFAR-100, the .npz of dSprites, and the
// record files of TensorFlow Datasets (TFDS).
//
// Which images VTAB-1k (Zhai et al. 2019, arXiv 1910.04867) takes is fixed: the first 800 records of each training
// set in TFDS's order, and so on; see task.go. Class folders of other data sets are drawn from by a seed; see draw.go.
//
// The images are stored without loss: those in an archive byte for byte as they are there, those that are plain pixels
// as PNG.
package prepare
