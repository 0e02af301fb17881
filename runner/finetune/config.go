package finetune

import (
	"slices"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/feature"
	"dtl-tf/runner/train"
)

// Config holds the settings of a training run. Its JSON form is part of run.json (see Record), so the tag of a field that has
// no effect on the result is "-". A new setting is a field, its default, an entry in Settings, and the code that it affects.
type Config struct {
	Data            string  `json:"data"`
	Out             string  `json:"out"`
	Overwrite       bool    `json:"-"`
	Resume          bool    `json:"-"`
	CheckpointEvery int     `json:"checkpoint_every"`
	TensorBoard     bool    `json:"-"` // write event files into Out
	Report          bool    `json:"-"` // write the answers of the evaluation and a report into Out
	Sweep           string  `json:"-"` // see Sweep; Run ignores it
	Holdout         float64 `json:"holdout"`
	Val             float64 `json:"val,omitempty"`  // share of the training images for a split val
	Test            float64 `json:"test,omitempty"` // and test
	Auto            Auto    `json:"-"`
	SkipBadImages   bool    `json:"skip_bad_images"`
	Exif            string  `json:"exif"`                  // ExifAuto or, in a record, ExifOn or ExifOff
	TrainSplit      string  `json:"train_split,omitempty"` // "": trainval
	EvalSplit       string  `json:"eval_split,omitempty"`  // "": test
	TestResize      int     `json:"test_resize,omitempty"` // 0: the size of the backbone's images
	TestCrop        int     `json:"test_crop,omitempty"`   // 0 without TestResize
	Classes         int     `json:"-"`                     // that labels must stay below; 0 takes the number from the data

	// Lists are those of a data set whose lists are elsewhere; Data then only names it. ClassNames are its classes by label, or nil.
	Lists      data.Lists `json:"lists,omitempty"`
	ClassNames []string   `json:"-"`
	Origin     string     `json:"-"` // of Lists, for the record
	// Targets are other domains that the trained model is tested on.
	Targets []Target `json:"targets,omitempty"`

	runner.BackboneConfig
	Init        string `json:"init"`
	InitAdapter string `json:"init_adapter,omitempty"`
	runner.MethodConfig

	Epochs int `json:"epochs"`
	runner.StepConfig
	LearningRate  float64           `json:"lr"` // 0: the usual one of the method
	WeightDecay   float64           `json:"weight_decay"`
	DropPath      float64           `json:"drop_path"`
	DropPathScope dtl.DropPathScope `json:"drop_path_scope"` // "": all
	Schedule      string            `json:"schedule"`
	Shuffle       bool              `json:"shuffle"`
	Loss          string            `json:"loss"`    // "": LossSoftmax
	Sampler       string            `json:"sampler"` // "": SamplerUniform
	ClassWeights  string            `json:"-"`       // "", ClassWeightsBalanced or a file; Record has the weights
	ClipGrad      float64           `json:"clip_grad,omitempty"`
	EMA           float64           `json:"ema,omitempty"`
	Augment       string            `json:"augment"` // a list for augment.Parse
	Views         int               `json:"views,omitempty"`
	Seed          uint64            `json:"seed"`
	Select        string            `json:"select"` // SelectLast or SelectBest; "": last
	SelectEvery   int               `json:"select_every"`
	Patience      int               `json:"patience,omitempty"`
	Unwatched     bool              `json:"-"` // with SelectLast, the run does not look at validation images either

	Memory string `json:"-"` // that the process may take, as ParseSize reads it; "": any
	Fixed  Fixed  `json:"-"` // with Memory

	CacheMiB       int64           `json:"-"`
	Cluster        string          `json:"-"` // a file for cluster.Read; "": this process alone
	FeatureCache   string          `json:"-"` // FeatureCacheAuto, FeatureCacheOff or a folder; "": off
	CachePrecision graph.Precision `json:"-"` // of stored values; "": fp32
	SeveralMethods bool            `json:"-"` // the settings are those of several methods: a folder for the cache is no error with one that stores nothing
}

// Auto says which settings the user has left to the program.
type Auto struct {
	Out      bool // see defaultOut
	Epochs   bool // see chooseForData
	Test     bool // Test is OwnTest if the data set has no split to evaluate on
	DropPath bool // and its scope: see chooseForData
}

// What --exif accepts.
const (
	ExifAuto = "auto" // on, but for lists of VTAB-1k: published numbers were made with images as they are stored
	ExifOn   = "on"
	ExifOff  = "off"
)

// What --init accepts.
const (
	InitPretrained = "pretrained"
	InitRandom     = "random"
)

// What --feature-cache accepts besides a folder.
const (
	FeatureCacheAuto = "auto" // the user's cache folder, if storing is possible and pays off
	FeatureCacheOff  = "off"
)

// Default returns the settings of a run whose user names only the data and the output folder.
func Default() Config {
	return Config{
		CheckpointEvery: 10, Exif: ExifAuto, Init: InitPretrained, MethodConfig: runner.MethodConfig{Method: "dtl"},
		Epochs:      train.DefaultEpochs,
		StepConfig:  runner.StepConfig{Batch: 32, Precision: graph.FP32, Recompute: graph.RecomputeActivations, XLA: runner.XLAAuto},
		WeightDecay: 0.05, DropPathScope: dtl.DropPathAll,
		Schedule: train.Cosine, Shuffle: true, Sampler: SamplerUniform, Loss: LossSoftmax, Augment: data.AugmentNone, Seed: 42, Select: SelectLast, SelectEvery: 1,
		CacheMiB: 1024, FeatureCache: FeatureCacheAuto, CachePrecision: graph.FP32,
	}
}

// Settings describes the fields that have a flag, in the order of help pages. The flags of the backbone and the method are
// not among them.
func (c *Config) Settings() []runner.Setting {
	epochs := runner.Setting{
		Name: "epochs", Group: runner.GroupTraining, Value: &c.Epochs, Min: 1, Max: 1e6,
		Help: "`epochs`, warm-up and cool-down included (default: 110, the published number, for the lists of VTAB-1k; 25 for other data)",
	}
	cluster := runner.Setting{
		Name: "cluster", Group: runner.GroupMachine, Value: &c.Cluster,
		Help: "train on several machines: `file` with a line HOST:PORT for each, first where this process listens, then those of 'dtl-tf worker', which must run; --devices counts for each machine; the protocol has no authentication, so use a private network",
	}
	return slices.Concat(c.fileSettings(), []runner.Setting{epochs}, c.StepConfig.Settings(), []runner.Setting{cluster}, c.optimizerSettings(), c.lossSettings(), c.selectionSettings(), c.memorySettings(), c.cacheSettings())
}

func (c *Config) fileSettings() []runner.Setting {
	const files, start = runner.GroupFiles, runner.GroupStart
	return []runner.Setting{
		{
			Name: "data", Group: files, Value: &c.Data,
			Help: "data set `path`: a folder with VTAB-1k lists, train/CLASS/* and test/CLASS/*, or CLASS/*; or a table of paths and labels, .csv or .jsonl (required)",
		},
		{Name: "out", Group: files, Value: &c.Out, Help: "`folder` for the results (default: runs/ and the name of the data, with a number if that exists)"},
		{Name: "overwrite", Group: files, Value: &c.Overwrite, Help: "replace the run in --out"},
		{Name: "resume", Group: files, Value: &c.Resume, Help: "continue the run in --out from its last checkpoint"},
		{
			Name: "checkpoint-every", Group: files, Value: &c.CheckpointEvery, Max: 1e6,
			Help: "number of `epochs` between checkpoints; the last epoch always writes one; 0: only when interrupted",
		},
		{
			Name: "tensorboard", Group: files, Value: &c.TensorBoard,
			Help: "write event files beside metrics.csv, for tensorboard --logdir",
		},
		{
			Name: "report", Group: files, Value: &c.Report,
			Help: "write the answers of the evaluation as CSV files and a page, report.html, into --out",
		},
		{
			Name: "holdout", Group: files, Value: &c.Holdout, Max: 0.9,
			Help: "`fraction` of the training images to hold out for evaluation, if there is no test split",
		},
		{
			Name: "val", Group: files, Value: &c.Val, Max: 0.9,
			Help: "`fraction` of each class's training images to set aside as the split val, if there is none; DIR/split.csv lists them",
		},
		{
			Name: "test", Group: files, Value: &c.Test, Max: 0.9,
			Help: "`fraction` to set aside as the split test and to evaluate on, if there is none (default: 0.15 without --holdout)",
		},
		{
			Name: "test-resize", Group: files, Value: &c.TestResize, Max: 1 << 13,
			Help: "`pixels`, the height and width to which test images are scaled before their centre is cut out (0: they are scaled to the size of the backbone's images)",
		},
		{
			Name: "test-crop", Group: files, Value: &c.TestCrop, Max: 1 << 13,
			Help: "`pixels`, the height and width of the centre with --test-resize (default: the size of the backbone's images, which it must be)",
		},
		{
			Name: "skip-bad-images", Group: files, Value: &c.SkipBadImages,
			Help: "skip and count images that can't be read, instead of stopping",
		},
		{
			Name: "exif", Group: files, Value: &c.Exif, OneOf: []string{ExifAuto, ExifOn, ExifOff},
			Help: "`auto|on|off`: turn images as their EXIF orientation says; auto does so except for the lists of VTAB-1k; predict, eval, serve and export do as training did",
		},
		{
			Name: "init", Group: start, Value: &c.Init, OneOf: []string{InitPretrained, InitRandom},
			Help: "initial `weights`: pretrained, or random (then --backbone names an architecture: " + runner.Architectures() + ")",
		},
		{
			Name: "init-adapter", Group: start, Value: &c.InitAdapter,
			Help: "adapter `file`, or folder of a run, to start training from; the classifier's rows go to the classes of the same name",
		},
	}
}

func (c *Config) optimizerSettings() []runner.Setting {
	const group = runner.GroupTraining
	return []runner.Setting{
		{Name: "lr", Group: group, Value: &c.LearningRate, Max: 1e3, Help: "peak learning `rate` (0: the usual one of the method, or for dtl on data other than the lists of VTAB-1k one that suits the number of steps; a note names it)"},
		{
			Name: "weight-decay", Group: group, Value: &c.WeightDecay, Max: 1e3,
			Help: "AdamW's decoupled weight `decay`, on all parameters but biases",
		},
		{
			Name: "drop-path", Group: group, Value: &c.DropPath, Max: 0.999,
			Help: "stochastic-depth `rate` of the last block, linear from 0 at the first (default: 0, or 0.1 with --drop-path-scope suffix for dtl on data other than the lists of VTAB-1k)",
		},
		{
			Name: "drop-path-scope", Group: group, Value: (*string)(&c.DropPathScope),
			OneOf: []string{string(dtl.DropPathAll), string(dtl.DropPathSuffix)},
			Help:  "blocks that stochastic depth acts on, `all|suffix`: all, as in the paper, or only those after the prefix that never changes, so that its values can be stored",
		},
		{
			Name: "schedule", Group: group, Value: &c.Schedule, OneOf: train.ScheduleNames(),
			Help: "learning-rate `schedule`: cosine (with warm-up and cool-down) or constant",
		},
		{Name: "shuffle", Group: group, Value: &c.Shuffle, Help: "shuffle the images in each epoch"},
		{
			Name: "augment", Group: group, Value: &c.Augment,
			Help: "comma-separated `list` of augmentations: none; flip-crop (random flip and shifted crop); crop (random resized crop; crop=0.08-1:3/4-4/3 sets the ranges of area and shape), flip, " +
				"randaugment (rand-m9-mstd0.5-inc1, or another of timm's names), random-erasing=0.25, mixup=0.2, cutmix=1.0, label-smoothing=0.1",
		},
		{
			Name: "views", Group: group, Value: &c.Views, Max: 1e6,
			Help: "`number` of epochs after which the augmented pictures of each image repeat, so that the feature cache can store their values (0: fresh pictures in every epoch)",
		},
		{Name: "seed", Group: group, Value: &c.Seed, Help: "`seed` of initial values, shuffling, augmentation and drop path"},
	}
}

func (c *Config) cacheSettings() []runner.Setting {
	const group = runner.GroupMachine
	return []runner.Setting{
		{
			Name: "feature-cache", Group: group, Value: &c.FeatureCache,
			Help: "where to store the values of the prefix that never changes, `auto|off|DIR`: auto is the user's cache folder, if the method has such a prefix and storing pays off",
		},
		{
			Name: "cache-precision", Group: group, Value: (*string)(&c.CachePrecision), OneOf: feature.Elements(),
			Help: "`precision` of the feature cache: fp32, or bf16 in half the space",
		},
		{
			Name: "image-cache", Group: group, Value: &c.CacheMiB, Max: 1 << 30,
			Help: "`MiB` of decoded images to keep in memory between epochs",
		},
	}
}
