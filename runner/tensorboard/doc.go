// Package tensorboard writes event files that TensorBoard reads: records in TensorFlow's TFRecord frame
// (tensorflow/core/lib/io/record_writer.h), each an Event message (tensorflow/core/util/event.proto).
//
// TensorBoard shows the files of a folder as one run, in the order of their names. A resumed run adds a file
// that begins with SessionLog START and the step it goes on with; TensorBoard then drops what earlier files
// hold from that step on (_CheckForRestartAndMaybePurge in tensorboard/backend/event_processing), so no step
// is shown twice.
package tensorboard
