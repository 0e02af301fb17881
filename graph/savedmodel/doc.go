// Package savedmodel writes a graph and its variables as a TensorFlow SavedModel and reads the
// variables back. It knows nothing of what the graph computes.
//
// A SavedModel is a folder: saved_model.pb (graph, signature, how to restore), variables/ (a
// checkpoint of format V2) and assets.extra/ (files that TensorFlow leaves alone). TensorFlow
// writes the checkpoint; reading is done here, in pure Go, for three reasons: TensorFlow fixes its thread
// pools when the first session of a process opens, which must be the one that trains; a damaged
// file can be told in one clear line; and any fs.FS will do, an embedded one too. Load, for models that are to be run
// as they are, leaves reading to TensorFlow.
//
// Formats: tensorflow/core/protobuf/{saved_model,meta_graph,tensor_bundle}.proto and
// tensorflow/core/util/tensor_bundle/tensor_bundle.cc; the checkpoint's index is a table of
// LevelDB (doc/table_format.md there).
package savedmodel

// Where things are in a SavedModel, with slashes as fs.FS wants them.
const (
	ModelFile = "saved_model.pb"
	ExtraDir  = "assets.extra"

	variablesPrefix = "variables/variables"
	indexFile       = variablesPrefix + ".index"
	dataFile        = variablesPrefix + ".data-00000-of-00001"
)

// Tag and Signature are what a model is loaded and called by.
const (
	Tag       = "serve"           // TensorFlow's kServe
	Signature = "serving_default" // TensorFlow's kDefaultServingSignatureDefKey
)
