// Package checkpoint keeps the last two states of a run on the disk, each in a file of its own that carries a
// checksum. It knows files and not what is in the tensors.
//
// A file appears under its name only when it is complete (result.WriteFile), and older ones go only after
// that, so at every moment there is at least one whole checkpoint once the first has been written.
package checkpoint
