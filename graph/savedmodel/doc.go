// Package savedmodel writes a graph and its variables as a TensorFlow SavedModel and reads the
// variables back. It does not depend on what the graph computes.
//
// A SavedModel is a folder: saved_model.pb (the graph, its signatures, how to restore), variables/ (a
// checkpoint of format V2) and assets.extra/ (files that TensorFlow ignores). TensorFlow writes the
// checkpoint, but this package reads it itself, in pure Go, for three reasons: TensorFlow fixes its
// thread pools with the first session of a process, which must be the one that trains; damage can be
// reported in one clear line; and any fs.FS works, including an embedded one. Load, for models that are
// run as they are, has TensorFlow read them.
//
// Formats: tensorflow/core/protobuf/{saved_model,meta_graph,tensor_bundle}.proto and
// tensorflow/core/util/tensor_bundle/tensor_bundle.cc; the checkpoint's index is a LevelDB table
// (doc/table_format.md in LevelDB).
package savedmodel

// Paths within a SavedModel, with slashes as in fs.FS.
const (
	ModelFile = "saved_model.pb"
	ExtraDir  = "assets.extra"

	variablesPrefix = "variables/variables"
	indexFile       = variablesPrefix + ".index"
	dataFile        = variablesPrefix + ".data-00000-of-00001"
)

// Tag selects a graph when a model is loaded, Signature the function that is called.
const (
	Tag       = "serve"           // TensorFlow's kServe
	Signature = "serving_default" // TensorFlow's kDefaultServingSignatureDefKey
)
