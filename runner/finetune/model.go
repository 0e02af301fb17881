package finetune

import (
	"context"
	"fmt"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner"
	"dtl-tf/runner/adapter"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
)

// model describes the model's forward pass.
func (c Config) model(bb *backbone.Backbone, s runner.Settings, classes int, device graph.Device) dtl.Config {
	return dtl.Config{
		Arch: bb.Architecture, Mean: bb.Mean, Std: bb.Std, Method: s.Method, Pool: s.Pool, Classes: classes,
		Recompute: c.recompute(), Precision: graph.Precision(c.Precision), Device: device,
	}
}

// training describes the training step.
func (c Config) training() dtl.Training {
	return dtl.Training{
		Batch: c.Batch, MicroBatch: c.MicroBatch, DropPath: c.DropPath, DropPathScope: dtl.DropPathScope(c.dropPathScope()), WeightDecay: c.WeightDecay,
	}
}

// modelConfig describes the forward pass of the run's model.
func (f *fineTuning) modelConfig() dtl.Config {
	return f.config.model(f.backbone, f.settings, f.data.classes, f.device)
}

func (f *fineTuning) loadBackbone(ctx context.Context) (*backbone.Backbone, error) {
	if f.config.Init == InitRandom {
		return f.config.Backbone.Random(f.config.Seed)
	}
	c := f.config.Backbone
	if f.config.InitAdapter != "" {
		c.Adapter = &runner.AdapterSays{Beside: adapter.Official}
	}
	return c.Load(ctx)
}

// resolveSettings reads the adapter that training starts from, if there is one, and joins its settings with the user's.
func (f *fineTuning) resolveSettings(ctx context.Context) (runner.Settings, error) {
	c := f.config
	if c.InitAdapter == "" {
		return c.Method.Resolve(f.backbone.Architecture)
	}
	var err error
	if f.initial, err = adapter.Read(c.InitAdapter, f.note); err != nil {
		return runner.Settings{}, err
	}
	s, err := adapter.Settings(f.initial, c.Method, f.backbone.Architecture)
	if err == nil {
		adapter.NoteForeign(ctx, f.initial, c.Method, s, f.backbone, f.note)
	}
	return s, err
}

// build makes the model and fills it.
func (f *fineTuning) build() error {
	c, bb := f.config, f.backbone
	model, err := dtl.New(f.modelConfig())
	if err != nil {
		return err
	}
	start := dtl.Start{Session: graph.SessionOptions{Threads: c.Threads}, Weights: bb.Weights, Seed: c.Seed}
	if f.initial != nil {
		if start.Adapter, err = f.startTensors(model); err != nil {
			return err
		}
	}
	f.onImages, f.onStored = nil, nil
	if f.cache == nil {
		if f.onImages, err = dtl.NewImageTrainer(model, c.training(), start); err != nil {
			return err
		}
		f.session = f.onImages.Trainer
	} else {
		if f.onStored, err = dtl.NewStoredTrainer(model, c.training(), graph.Precision(c.cachePrecision()), start); err != nil {
			return err
		}
		f.session = f.onStored.Trainer
	}
	f.frozen, err = f.frozenSHA256()
	return err
}

// checkFrozen compares the frozen weights with what they were before the first step.
func (f *fineTuning) checkFrozen() error {
	if f.frozen == "" {
		return nil // full fine-tuning freezes nothing
	}
	after, err := f.frozenSHA256()
	if err != nil {
		return err
	}
	f.record.Frozen = &result.Frozen{Before: f.frozen, After: after}
	if f.frozen != after {
		return fmt.Errorf("a frozen weight of the backbone changed during training (sha256 %.12s before, %.12s after): the result can't be trusted", f.frozen, after)
	}
	return nil
}

// frozenSHA256 hashes the frozen weights as the session holds them, "" if there are none.
func (f *fineTuning) frozenSHA256() (string, error) {
	values, err := f.session.ReadFrozen()
	if err != nil || len(values) == 0 {
		return "", err
	}
	return values.SHA256(), nil
}

// notePrecision warns of what a processor is slow at. The factors are those of a step of DTL on ViT-B/16, batch 8, for bf16 with
// oneDNN kept from the instructions.
func (f *fineTuning) notePrecision() {
	switch {
	case f.record.Device.Kind != "CPU":
	case f.config.Precision == BF16 && !machine.FastBF16():
		f.note("this processor has no bfloat16 instructions: --precision bf16 saves memory here, but each step will take about 2.6 times as long as in fp32")
	case f.config.Precision == string(graph.FP16):
		f.note("--precision fp16 is for GPUs: on a processor each step will take about 1.7 times as long as in fp32")
	}
}
