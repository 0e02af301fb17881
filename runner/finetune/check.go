package finetune

import (
	"cmp"
	"runtime"
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/data/augment"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/train"
)

// filled returns the settings with the values that "" and 0 threads stand for.
func (c Config) filled() Config {
	c.DropPathScope = cmp.Or(c.DropPathScope, dtl.DropPathAll)
	c.Select, c.SelectEvery = cmp.Or(c.Select, SelectLast), cmp.Or(c.SelectEvery, 1)
	c.FeatureCache, c.CachePrecision = cmp.Or(c.FeatureCache, FeatureCacheOff), cmp.Or(c.CachePrecision, graph.FP32)
	c.Loss = cmp.Or(c.Loss, LossSoftmax)
	c.InitAdapter = adapter.FileOf(c.InitAdapter)
	c.Sampler = cmp.Or(c.Sampler, SamplerUniform)
	c.Exif = cmp.Or(c.Exif, ExifAuto)
	if p, err := augment.Parse(c.Augment); err == nil { // else Check reports it
		c.Augment = p.String()
	}
	c.Threads = cmp.Or(c.Threads, runtime.GOMAXPROCS(0))
	return c
}

// check validates the settings before any file is read or written.
func (c Config) check() error {
	switch {
	case c.Data == "":
		return runner.Usagef("--data is required: name the folder of a data set")
	case c.Out == "" && !c.Auto.Out:
		return runner.Usagef("--out is required: name a folder for the results")
	case c.Overwrite && c.Resume:
		return runner.Usagef("--overwrite and --resume contradict each other: give one of them")
	}
	return c.checkSettings()
}

// checkSettings is Check for settings that may leave the epochs to chooseForData.
func (c Config) checkSettings() error {
	if c.Auto.Epochs {
		c.Epochs = train.DefaultEpochs
	}
	return c.Check()
}

// Check validates the settings apart from input and output.
func (c Config) Check() error {
	if err := runner.Check(c.Settings()); err != nil {
		return err
	}
	fromAdapter := c.Method == "" && c.InitAdapter != ""
	switch {
	case c.Holdout > 0 && c.Test > 0:
		return runner.Usagef("--holdout and --test contradict each other: both set images aside for the evaluation, --test lists them")
	case !fromAdapter && !slices.Contains(dtl.Names(), c.Method):
		return runner.Usagef("--method %q is unknown: use one of %s", c.Method, strings.Join(dtl.Names(), ", "))
	case c.Init == InitRandom && c.Method != "full":
		return runner.Usagef("--init random needs --method full: nothing else would train the random weights")
	case c.FeatureCache == FeatureCacheOff && c.CachePrecision == graph.BF16:
		return runner.Usagef("--cache-precision %s has no effect with --feature-cache off: leave one of them out", c.CachePrecision)
	case c.Init == InitRandom && c.Path == "":
		return runner.Usagef("--init random needs an architecture: --backbone with one of %s", runner.Architectures())
	}
	for _, check := range []func() error{c.checkAugmentation, c.checkLoss, c.checkSelection, c.checkMemory} {
		if err := check(); err != nil {
			return err
		}
	}
	return c.StepConfig.Check()
}
