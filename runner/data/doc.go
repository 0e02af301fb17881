// Package data turns folders of images into batches for training and evaluation.
//
// A [Set] is a data set on disk: the VTAB-1k lists or class folders. [Images] decodes one file
// as Pillow's Image.open(f).convert("RGB") does, but for 16-bit greys, and resizes it as Image.resize(BICUBIC) does, since
// published numbers were made with Pillow. A [Survey] tells what else a user should know of images. A [Loader] decodes in parallel, keeps what it
// decoded in memory up to a limit, and has the next batches ready before they are asked for.
package data
