// Package checkpoint stores the last two states of a run, each in a file with a checksum. It does not know what the tensors mean.
//
// A file gets its name only when it is complete (result.WriteFile), and older ones are removed only after that. So from the first
// checkpoint on there is always at least one intact file.
package checkpoint
