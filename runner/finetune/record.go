package finetune

import (
	"os"
	"runtime"
	"runtime/debug"
	"time"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// now is the clock of all records.
func now() time.Time { return time.Now().Round(time.Millisecond) }

// resolved is the configuration as it stands in run.json: what the user said, with every default filled in.
type resolved struct {
	Data            string      `json:"data"`
	Out             string      `json:"out"`
	Backbone        string      `json:"backbone"`
	Init            string      `json:"init"`
	InitAdapter     string      `json:"init_adapter,omitempty"`
	ImageSize       int         `json:"image_size"`
	Heads           int         `json:"heads"`
	Eps             float64     `json:"layer_norm_eps,omitempty"` // 0: the usual 1e-6
	Mean            [3]float64  `json:"mean"`
	Std             [3]float64  `json:"std"`
	Method          string      `json:"method"`
	Options         dtl.Options `json:"method_options,omitempty"`
	Pool            string      `json:"pool"`
	Epochs          int         `json:"epochs"`
	Batch           int         `json:"batch"`
	MicroBatch      int         `json:"micro_batch,omitempty"`
	LearningRate    float64     `json:"lr"`
	WeightDecay     float64     `json:"weight_decay"`
	DropPath        float64     `json:"drop_path"`
	DropPathScope   string      `json:"drop_path_scope"`
	Schedule        string      `json:"schedule"`
	WarmupEpochs    int         `json:"warmup_epochs"`
	CooldownEpochs  int         `json:"cooldown_epochs"`
	Shuffle         bool        `json:"shuffle"`
	Augment         string      `json:"augment"`
	Holdout         float64     `json:"holdout"`
	Seed            uint64      `json:"seed"`
	Threads         int         `json:"threads"`
	Precision       string      `json:"precision"`
	Recompute       string      `json:"recompute"`
	SkipBadImages   bool        `json:"skip_bad_images"`
	CheckpointEvery int         `json:"checkpoint_every"`
	FeatureCache    string      `json:"feature_cache"`             // on or off, as it turned out
	CachePrecision  string      `json:"cache_precision,omitempty"` // of a cache that is on
	TrainSplit      string      `json:"train_split,omitempty"`     // "": trainval
	EvalSplit       string      `json:"eval_split,omitempty"`      // "": test
}

func (f *fineTuning) resolved() resolved {
	c, bb := f.config, f.backbone
	r := resolved{
		Data: c.Data, Out: c.Out, Backbone: bb.Path, Init: c.Init, InitAdapter: c.InitAdapter,
		ImageSize: bb.ImageSize(), Heads: bb.Heads(), Eps: unusualEps(bb), Mean: bb.Mean, Std: bb.Std,
		Method: f.settings.Method.Name(), Options: f.settings.Options, Pool: string(f.settings.Pool),
		Epochs: c.Epochs, Batch: c.Batch, MicroBatch: c.MicroBatch, LearningRate: c.LearningRate, WeightDecay: c.WeightDecay, DropPath: c.DropPath, DropPathScope: c.dropPathScope(),
		Schedule: c.Schedule, WarmupEpochs: f.schedule.Warmup, CooldownEpochs: f.schedule.Cooldown,
		Shuffle: c.Shuffle, Augment: c.Augment, Holdout: c.Holdout, Seed: c.Seed, Threads: c.threads(),
		Precision: c.Precision, Recompute: c.Recompute, SkipBadImages: c.SkipBadImages, CheckpointEvery: c.CheckpointEvery,
		TrainSplit: c.TrainSplit, EvalSplit: c.EvalSplit,
	}
	r.FeatureCache, r.CachePrecision = f.cacheState()
	if c.Init == InitRandom {
		r.Backbone = bb.Architecture.String()
	}
	return r
}

// threads is the number that TensorFlow will use (see UseProcessors).
func (c Config) threads() int {
	if c.Threads == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return c.Threads
}

// describe starts the record of the run with everything that is known before the first step.
func (f *fineTuning) describe() error {
	bb, counts := f.backbone, f.session.Counts()
	where, err := device(f.session.Predictor, f.config.threads())
	if err != nil {
		return err
	}
	f.record = result.Run{
		Status: result.Running, Command: os.Args, Started: now(), Method: f.settings.Method.Name(),
		Versions: versions(f.ui.Version),
		Device:   where,
		Backbone: runner.DescribeBackbone(bb),
		Data: result.Data{
			Name: f.data.name, Root: f.config.Data, Fingerprint: f.data.fingerprint, Classes: f.data.classes, Counts: f.data.counts,
			Grey16: len(f.data.survey.Grey16), Turned: len(f.data.survey.Turned),
		},
		Parameters: result.Parameters{Trainable: counts.Method, Classifier: counts.Classifier, Frozen: counts.Frozen},
		Notes:      f.data.notes,
	}
	f.metrics = result.NewMetricsLog(f.folder.Path(result.MetricsFile))
	return f.record.SetConfig(f.resolved())
}

// unusualEps is the backbone's layer_norm_eps, or 0 where it is the one that all had before it was recorded.
func unusualEps(bb *backbone.Backbone) float64 {
	if eps := bb.NormEps(); eps != backbone.LayerNormEps {
		return eps
	}
	return 0
}

func versions(program string) result.Versions {
	v := result.Versions{Program: program, LibTensorFlow: tf.Version(), Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/wamuir/graft" {
				v.Graft = m.Version
			}
		}
	}
	return v
}

// measure takes the loop's figures over into the record, on top of those from before a resumed run's start.
func (f *fineTuning) measure(s train.Summary) {
	f.record.Progress = result.Progress{Epochs: s.Position.Epochs, Steps: s.Position.Steps}
	m := &f.record.Measurements
	if t := s.Timing; t.Steps > 0 {
		m.SecondsPerStep = &result.Spread{Median: t.Median, Min: t.Min, Max: t.Max, P10: t.P10, P90: t.P90, Count: t.Steps}
	}
	images := f.before.ImagesPerSecond*f.before.TrainSeconds + float64(s.Images)
	m.InputWaitSeconds = f.before.InputWaitSeconds + s.InputWait.Seconds()
	m.TrainSeconds = f.before.TrainSeconds + s.Elapsed.Seconds()
	if m.TrainSeconds > 0 {
		m.ImagesPerSecond = images / m.TrainSeconds
	}
	m.PeakMemoryBytes = max(m.PeakMemoryBytes, machine.PeakResident())
	f.record.Data.Skipped = f.data.skipped.Count()
}
