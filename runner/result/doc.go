// Package result writes the files of a run: run.json (everything about the run), metrics.csv (one row per epoch) and
// adapter.safetensors (the trained tensors). It reads run.json and adapters. Package assess writes those of an evaluation. Every file is replaced atomically: after an
// interrupted write, a killed process or a full disk the previous version is still there.
package result

// Names of the files in the folder of a run.
const (
	RunFile     = "run.json"
	MetricsFile = "metrics.csv"
	AdapterFile = "adapter.safetensors"
	// BackboneFile is the backbone that a run of full fine-tuning trained.
	BackboneFile = "backbone.npz"
	SplitFile    = "split.csv" // of a run with --val or --test
	SweepFile    = "sweep.csv" // the settings of fine-tune --sweep, in the folder of theirs
)

// Names of the files of an evaluation, in the folder of a run or in one of their own.
const (
	EvaluationFile  = "evaluation.json"
	PredictionsFile = "predictions.csv"
	PerClassFile    = "per_class.csv"
	ConfusionFile   = "confusion.csv"
	ReportFile      = "report.html"
)

// EvaluationFiles lists the names of the files of an evaluation.
func EvaluationFiles() []string {
	return []string{EvaluationFile, PredictionsFile, PerClassFile, ConfusionFile, ReportFile}
}
