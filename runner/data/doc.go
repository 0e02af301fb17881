// Package data turns folders of images into batches for training and evaluation.
//
// A [Set] is a data set on disk: VTAB-1k lists or class folders. [Images] decodes one file as Pillow's
// Image.open(f).convert("RGB") does, except for 16-bit greys, and resizes it as Image.resize(BICUBIC) does, because published
// numbers were made with Pillow. A [Survey] finds properties of images that users should know. A [Loader] decodes in parallel,
// caches decoded images up to a limit, and prepares batches ahead of their use.
package data
