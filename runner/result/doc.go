// Package result reads and writes what a run leaves in its folder: run.json (one JSON that says
// everything about the run), metrics.csv (a line an epoch) and adapter.safetensors (what was
// trained). Every file is replaced in one piece, so that an interrupted write, a killed process
// or a full disk never costs the state before.
package result

// Names of the files of a run folder.
const (
	RunFile     = "run.json"
	MetricsFile = "metrics.csv"
	AdapterFile = "adapter.safetensors"
)
