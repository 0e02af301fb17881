// Package process configures TensorFlow for a program that owns its process. Such a program imports it for its effects:
//
//   - On Linux the program re-executes itself once, before TensorFlow is loaded, with defaults for TF_CPP_MIN_LOG_LEVEL and
//     TF_ENABLE_ONEDNN_OPTS where the user has not set them.
//   - While TensorFlow is loaded, stderr is held back, and what the CUDA build prints then is dropped from it.
//   - TensorFlow's second logging library, Abseil's, keeps to TF_CPP_MIN_LOG_LEVEL too.
//   - While the first session opens, stderr passes through a filter that drops TensorFlow's greetings (capi.FilterGreetings).
//
// The other packages below graph leave the process alone, so that any program can import them.
package process

import "C"

import "dtl-tf/graph/capi"

func init() { capi.FilterGreetings = true }
