// Package result writes the files of a run: run.json (everything about the run), metrics.csv (one row per epoch) and
// adapter.safetensors (the trained tensors). It reads run.json and adapters. Every file is replaced atomically: after an
// interrupted write, a killed process or a full disk the previous version is still there.
package result

// Names of the files in the folder of a run.
const (
	RunFile     = "run.json"
	MetricsFile = "metrics.csv"
	AdapterFile = "adapter.safetensors"
)
