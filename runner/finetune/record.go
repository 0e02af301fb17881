package finetune

import (
	"os"
	"runtime"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/capi"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/origin"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// Record is the configuration in run.json: the settings with every default filled in, and what follows from them.
type Record struct {
	Config
	Eps            float64         `json:"layer_norm_eps,omitempty"` // 0: the usual 1e-6
	WarmupEpochs   int             `json:"warmup_epochs"`
	CooldownEpochs int             `json:"cooldown_epochs"`
	Gradients      string          `json:"gradients,omitempty"`       // approximate with gelu2bit, otherwise exact and ""
	FeatureCache   string          `json:"feature_cache"`             // on or off
	CachePrecision graph.Precision `json:"cache_precision,omitempty"` // "" if the cache is off
	// ValidationCache is on if looks read stored values too, "" if not.
	ValidationCache string `json:"validation_cache,omitempty"`
	// OrderSeed is the seed of the order of the images and of augmentation of a setting of --sweep whose Seed is another.
	OrderSeed *uint64 `json:"order_seed,omitempty"`
	// ClassWeights are the weights of the classes in the loss, by label, nil if they have none.
	ClassWeights []float32 `json:"class_weights,omitempty"`
}

// approximate is the Gradients of a run with approximate ones.
const approximate = "approximate"

// ReadRecord decodes the configuration of a run.json. Settings that an earlier version did not have get the values that it trained
// with: their defaults, and no feature cache.
func ReadRecord(config []byte) (Record, error) {
	r := Record{Config: Default(), FeatureCache: cacheOff}
	r.Exif = ExifOff
	err := result.Decode(config, &r)
	return r, err
}

// settings returns the configuration for run.json.
func (r *run) settings() Record {
	c, bb := r.config, r.backbone
	c.Path, c.ImageSize, c.Heads, c.Mean, c.Std = bb.Path, bb.ImageSize(), bb.Heads(), &bb.Mean, &bb.Std
	if c.Init == InitRandom {
		c.Path = bb.Architecture.String()
	}
	c.Method, c.Options, c.Pool = r.method.Method.Name(), r.method.Options, string(r.method.Pool)
	s := Record{
		Config: c, Eps: unusualEps(bb), WarmupEpochs: r.schedule.Warmup, CooldownEpochs: r.schedule.Cooldown, FeatureCache: cacheOff,
		ClassWeights: r.weights,
	}
	if r.orderSeed != nil && *r.orderSeed != c.Seed {
		s.OrderSeed = r.orderSeed
	}
	if c.Recompute.Approximate() {
		s.Gradients = approximate
	}
	if k := r.record.FeatureCache; k != nil && k.Used {
		s.FeatureCache, s.CachePrecision = cacheOn, c.CachePrecision
		if k.Validation {
			s.ValidationCache = cacheOn
		}
	}
	return s
}

// describe starts the record of the run.
func (r *run) describe(cache *result.FeatureCache) error {
	counts, d := r.trainer.Counts(), r.data
	where, err := device(r.trainer, r.config.StepConfig, r.devices)
	if err != nil {
		return err
	}
	r.record = result.Run{
		Status: result.Running, Command: os.Args, Started: result.Now(), Method: r.method.Method.Name(),
		Versions: versions(r.ui.Version),
		Device:   where,
		Backbone: runner.DescribeBackbone(r.backbone),
		Data: result.Data{
			Name: d.name, Root: r.config.Data, Fingerprint: d.fingerprint, Origin: r.origin(), Classes: d.classes, Counts: d.counts,
			Grey16: len(d.survey.Grey16), Turned: len(d.survey.Turned),
			Split: d.split(),
		},
		Parameters:   result.Parameters{Trainable: counts.Method, Unused: counts.Unused, Classifier: counts.Classifier, Frozen: counts.Frozen},
		Notes:        d.notes,
		FeatureCache: cache,
		Memory:       r.memory,
		Together:     r.together,
	}
	if r.config.Select == SelectBest {
		r.record.Selection = &result.Selection{Split: data.Val, Images: d.counts[data.Val]}
	}
	return r.record.SetConfig(r.settings())
}

// origin says whether the images are official ones; the caller of a run with lists of its own knows.
func (r *run) origin() string {
	if r.config.Lists != nil {
		return r.config.Origin
	}
	return origin.Of(r.config.Data, "", r.data.fingerprint)
}

// unusualEps returns the backbone's layer_norm_eps, or 0 for the default, which records and keys have always omitted.
func unusualEps(bb *backbone.Backbone) float64 {
	if eps := bb.NormEps(); eps != backbone.LayerNormEps {
		return eps
	}
	return 0
}

func versions(program string) result.Versions {
	binding, _ := capi.Graft()
	return result.Versions{Program: program, LibTensorFlow: tf.Version(), Graft: binding, Go: runtime.Version()}
}

// measure adds the loop's figures to the figures of the run before it.
func (r *run) measure(s train.Summary) {
	r.record.Progress = result.Progress{Epochs: s.Position.Epochs, Steps: s.Position.Steps}
	m := &r.record.Measurements
	if t := s.Timing; t.Steps > 0 {
		m.SecondsPerStep = &t
	}
	images := r.before.ImagesPerSecond*r.before.TrainSeconds + float64(s.Images)
	m.InputWaitSeconds = r.before.InputWaitSeconds + s.InputWait.Seconds()
	m.ValidationSeconds = r.before.ValidationSeconds + r.looking.Seconds()
	m.TrainSeconds = r.before.TrainSeconds + (s.Elapsed - r.looking).Seconds()
	m.ProcessorSeconds = r.before.ProcessorSeconds + (machine.ProcessorTime() - r.processor).Seconds()
	if m.TrainSeconds > 0 {
		m.ImagesPerSecond = images / m.TrainSeconds
	}
	m.PeakMemoryBytes = max(m.PeakMemoryBytes, machine.PeakResident())
	r.record.Data.Skipped = r.data.skipped.Count()
}
