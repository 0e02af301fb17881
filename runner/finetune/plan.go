package finetune

import (
	"cmp"
	"context"
	"fmt"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/cluster"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// plan is everything that determines a run, read and checked. It does not change after newPlan.
type plan struct {
	config   Config
	schedule train.Schedule
	backbone *backbone.Backbone
	method   runner.Settings
	start    *start         // nil: the method's initial values
	cluster  *graph.Cluster // nil for this process alone
	devices  runner.Devices
	data     *dataset
	weights  []float32      // of the classes, nil without --class-weights
	memory   *result.Memory // what --memory chose, or nil

	// Of a setting of --sweep: the number of settings that train together, and the seed of the order of the images. Otherwise 0 and nil.
	together  int
	orderSeed *uint64
}

// newPlan reads the backbone, the initial adapter and the data set.
func newPlan(ctx context.Context, c Config, version string, note runner.NoteFunc) (*plan, error) {
	p := &plan{config: c}
	var err error
	if p.backbone, err = c.loadBackbone(ctx); err != nil {
		return nil, cmp.Or(interrupted(ctx), err)
	}
	runner.NoteSources(p.backbone, false, note)
	if err := interrupted(ctx); err != nil {
		return nil, err
	}
	if c.InitAdapter == "" {
		p.method, err = c.Resolve(p.backbone.Architecture)
	} else {
		p.method, p.start, err = readStart(ctx, c, p.backbone, note)
	}
	if err != nil {
		return nil, err
	}
	set, err := c.openSet()
	if err != nil {
		return nil, c.namesFlag(err)
	}
	runner.NoteAll(set.Notes, note)
	searched, err := p.config.chooseForData(set, p.method.Method.Name(), note)
	if err != nil {
		return nil, err
	}
	if c := p.config; c.DropPath == 0 && c.DropPathScope == dtl.DropPathSuffix && c.Sweep == "" && !c.SeveralMethods {
		note("--drop-path-scope %s has no effect: --drop-path is 0", c.DropPathScope)
	}
	if err := p.findDevices(ctx, version, note); err != nil {
		return nil, err
	}
	if err := p.config.ResolveXLA(p.devices.Kind, note); err != nil {
		return nil, err
	}
	if err := p.config.settleTestCrop(p.backbone.ImageSize()); err != nil {
		return nil, err
	}
	if p.data, err = openTraining(ctx, p.config, set, p.backbone, note); err != nil {
		return nil, err
	}
	p.config.Batch, p.config.Exif = p.data.batch, exifSetting(p.data.images.Upright)
	if p.data.division == nil {
		p.config.Test = 0 // Auto.Test found too few images
	}
	p.settleRate(searched, note)
	p.schedule, err = train.NewSchedule(c.Schedule, p.config.Epochs, p.config.LearningRate) // no error after Config.check
	if err == nil {
		err = p.config.CheckDivisible(p.devices)
	}
	if err == nil {
		err = p.settleData(ctx, note)
	}
	if err != nil {
		p.data.close()
		return nil, err
	}
	return p, nil
}

// findDevices finds what computes the steps: here, or with Cluster in all its members.
func (p *plan) findDevices(ctx context.Context, version string, note runner.NoteFunc) (err error) {
	if p.config.Cluster == "" {
		p.devices, err = p.config.FindDevices()
		return err
	}
	if p.cluster, err = cluster.Lead(ctx, p.config.Cluster, p.config.Threads, version, note); err != nil {
		return cmp.Or(interrupted(ctx), err)
	}
	p.devices, err = p.config.FindDevicesOf(p.cluster)
	return err
}

// settleData matches the classes with the initial adapter's and surveys the images.
func (p *plan) settleData(ctx context.Context, note runner.NoteFunc) (err error) {
	if p.start != nil {
		p.start.matchClasses(p.data, p.config.Classes)
	}
	runner.NoteAll(p.data.notes, note)
	if p.weights, err = p.data.classWeights(p.config.ClassWeights); err != nil {
		return err
	}
	if err := interrupted(ctx); err != nil {
		return err
	}
	p.data.survey, err = classify.Survey(ctx, p.data.all, p.data.images, note)
	return err
}

func (c Config) loadBackbone(ctx context.Context) (*backbone.Backbone, error) {
	c.Held = int(cmp.Or(c.Precision, graph.FP32).Bytes())
	if c.Init == InitRandom {
		return c.Random(c.Seed)
	}
	b := c.BackboneConfig
	if c.InitAdapter != "" {
		b.Adapter = &runner.AdapterSays{Beside: adapter.Official}
	}
	return b.Load(ctx)
}

// inputs returns fingerprints of the files that the run reads. A run resumes only with the same.
func (p *plan) inputs() checkpoint.Inputs {
	in := checkpoint.Inputs{Backbone: p.backbone.Fingerprint(), Data: p.data.fingerprint}
	if p.start != nil {
		in.Adapter = p.start.adapter.Tensors.SHA256()
	}
	return in
}

// files lists the input files, which must survive in the output folder.
func (c Config) files() []string {
	var list []string
	if c.Path != "" && c.Init != InitRandom {
		list = append(list, c.Path)
	}
	if c.InitAdapter != "" {
		list = append(list, c.InitAdapter)
	}
	if data.IsTable(c.Data) {
		list = append(list, c.Data)
	}
	if c.ClassWeights != "" && c.ClassWeights != ClassWeightsBalanced {
		list = append(list, c.ClassWeights)
	}
	return list
}

// model returns the forward pass for a backbone and a method.
func (c Config) model(bb *backbone.Backbone, s runner.Settings, classes int, devices runner.Devices) dtl.Config {
	return dtl.Config{
		Arch: bb.Architecture, Mean: bb.Mean, Std: bb.Std, Method: s.Method, Pool: s.Pool, Classes: classes,
		Recompute: c.Recompute, Precision: c.Precision, Device: devices.Kind, Places: devices.Places, XLA: c.XLA == runner.XLAOn,
	}
}

// training returns the training step.
func (c Config) training() dtl.Training {
	return dtl.Training{
		Loss: dtl.Loss(c.Loss), SoftTargets: c.augmentation().Soft() || c.Loss == LossSigmoid, SampleWeights: c.ClassWeights != "", ClipGrad: c.ClipGrad, Average: c.EMA,
		Batch: c.Batch, MicroBatch: c.MicroBatch, DropPath: c.DropPath, DropPathScope: c.DropPathScope, WeightDecay: c.WeightDecay,
	}
}

// newModel builds the forward pass.
func (p *plan) newModel() (*dtl.Model, error) {
	return dtl.New(p.config.model(p.backbone, p.method, p.data.classes, p.devices))
}

// values returns what the model's variables start from.
func (p *plan) values(m *dtl.Model) (dtl.Start, error) {
	session := p.config.SessionOptions()
	session.Cluster = p.cluster
	s := dtl.Start{Session: session, Weights: p.backbone.Weights, Seed: p.config.Seed}
	if p.start == nil {
		return s, nil
	}
	var err error
	s.Adapter, err = p.start.tensors(m, p.backbone, p.config.Seed)
	return s, err
}

// interrupted returns an error after Ctrl-C. Until the first step nothing on the disk has changed.
func interrupted(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted before the first step: %w", err)
	}
	return nil
}
