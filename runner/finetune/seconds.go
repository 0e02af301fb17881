package finetune

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/internal/stat"
)

// PreviewSeconds is the time of a run in seconds, from a few measured steps. Total is the sum of the parts; checkpoints and the report are
// not counted.
type PreviewSeconds struct {
	Recompute string `json:"recompute"`
	Micro     int    `json:"micro_batch,omitempty"`
	Stored    bool   `json:"stored"` // steps read stored values, of a feature cache that is empty so far

	Step       float64 `json:"step"`       // one step
	Start      float64 `json:"start"`      // to fill the session, to hash the frozen weights twice, and the first step
	Reading    float64 `json:"reading"`    // images, by all threads, which do nothing else meanwhile
	FirstPass  float64 `json:"first_pass"` // to compute the stored values
	Training   float64 `json:"training"`   // all steps
	Looks      float64 `json:"looks"`      // all looks at the validation images
	Evaluation float64 `json:"evaluation"` // on the test images and on the targets
	Total      float64 `json:"total"`

	LookCount int `json:"look_count"`
	Looked    int `json:"validation_images"`
	Tested    int `json:"test_images"`
}

// Steps that measure runs: the first ones are slower. Other measurements take one and timedBatches.
const warmupSteps, timedSteps, timedBatches = 2, 5, 2

// readSample is the number of images that are read to tell how long reading takes.
const readSample = 16

// measureTime times a few steps and batches on random images, and the reading of a few images, and tells the time of the run with the
// settings c.
func (p *plan) measureTime(ctx context.Context, c Config) (*PreviewSeconds, error) {
	m, err := dtl.New(c.model(p.backbone, p.method, p.data.classes, p.devices))
	if err != nil {
		return nil, err
	}
	out := &PreviewSeconds{Recompute: string(c.Recompute), Micro: c.MicroBatch, Stored: p.willStore(m), Looked: len(p.data.watched)}
	for split, n := range p.data.counts {
		if split == p.data.testSplit || slices.ContainsFunc(p.data.targets, func(t target) bool { return t.name == split }) {
			out.Tested += n
		}
	}
	if out.Looked > 0 {
		out.LookCount = c.lookCount()
	}
	t, err := p.openTimed(ctx, m, c, out)
	if err != nil {
		return nil, err
	}
	defer t.close()
	if out.Step, err = typical(ctx, warmupSteps-1, timedSteps, t.step); err != nil {
		return nil, err
	}
	out.Training = out.Step * float64(c.Epochs*p.data.train.Steps())

	images, _ := RandomBatch(firstPassBatch, p.backbone.ImageSize(), p.data.classes)
	whole, err := typical(ctx, 1, timedBatches, func() error {
		_, err := t.trainer.Logits(images)
		return err
	})
	if err != nil {
		return nil, err
	}
	whole /= firstPassBatch
	look := whole
	if out.Stored {
		pass, err := typical(ctx, 1, timedBatches, func() error {
			_, err := t.stored.ComputeStored(images)
			return err
		})
		if err != nil {
			return nil, err
		}
		passed := distinct(p.pictureSums())
		if p.looksStored(out.LookCount) {
			passed += distinct(p.data.watchedSums())
			if look, err = typical(ctx, 1, timedBatches, t.look); err != nil {
				return nil, err
			}
			look /= float64(c.Batch)
		}
		out.FirstPass = pass / firstPassBatch * float64(passed)
	}
	out.Looks = look * float64(out.LookCount*out.Looked)
	out.Evaluation = whole * float64(out.Tested)
	if out.Reading, err = p.readingTime(out); err != nil {
		return nil, err
	}
	out.Total = out.Start + out.Reading + out.FirstPass + out.Training + out.Looks + out.Evaluation
	return out, nil
}

// willStore tells whether the run stores the values of its prefix, if no cache has them already.
func (p *plan) willStore(m *dtl.Model) bool {
	c := p.config
	if c.FeatureCache == FeatureCacheOff || c.FeatureCache == FeatureCacheAuto && c.Epochs < c.epochsToStore() {
		return false
	}
	_, obstacle := p.storable(m)
	return obstacle == nil
}

// looksStored tells whether looks read stored values too, as openValidation decides it.
func (p *plan) looksStored(looks int) bool {
	return looks >= minEpochs && p.config.CachePrecision == graph.FP32 && len(p.data.watched) <= len(p.pictureSums())
}

// timed is a trainer with something to train on.
type timed struct {
	trainer *dtl.Trainer
	stored  *dtl.StoredTrainer // nil if steps read images
	step    func() error
	look    func() error // at a batch of stored values
}

func (t *timed) close() { t.trainer.Close() }

// openTimed opens a trainer as the run does, trains the first step and sets the time of the start. The values of the batch do not matter.
func (p *plan) openTimed(ctx context.Context, m *dtl.Model, c Config, out *PreviewSeconds) (t *timed, err error) {
	if err := interrupted(ctx); err != nil {
		return nil, err
	}
	training := c.training()
	training.Loss, training.SoftTargets, training.SampleWeights = dtl.CrossEntropy, false, false
	begun, t := time.Now(), new(timed)
	start := dtl.Start{Session: c.SessionOptions(), Weights: p.backbone.Weights, Seed: c.Seed}
	images, labels := RandomBatch(c.Batch, p.backbone.ImageSize(), p.data.classes)
	step := 0
	if out.Stored {
		if t.stored, err = dtl.NewStoredTrainer(m, training, c.CachePrecision, start); err != nil {
			return nil, err
		}
		t.trainer = t.stored.Trainer
		values := blankValues(m.Stored(training), c.Batch, c.CachePrecision)
		t.step = func() error {
			step++
			_, err := t.stored.Step(values, labels, c.LearningRate, step-1)
			return err
		}
		t.look = func() error {
			_, err := t.stored.StoredLogits(values)
			return err
		}
	} else {
		trainer, err := dtl.NewImageTrainer(m, training, start)
		if err != nil {
			return nil, err
		}
		t.trainer = trainer.Trainer
		t.step = func() error {
			step++
			_, err := trainer.Step(images, labels, c.LearningRate, step-1)
			return err
		}
	}
	for range 2 {
		_, failed := frozenSHA256(t.trainer)
		err = cmp.Or(err, failed)
	}
	if err = cmp.Or(err, t.step()); err != nil {
		t.close()
		return nil, err
	}
	out.Start = time.Since(begun).Seconds()
	return t, nil
}

// blankValues is a batch of stored values that are all zero.
func blankValues(stored []dtl.Stored, batch int, p graph.Precision) []tensor.Tensor {
	list := make([]tensor.Tensor, len(stored))
	for i, v := range stored {
		shape := append([]int{batch}, v.Shape...)
		list[i] = tensor.Zeros(shape...)
		if p == graph.BF16 {
			list[i].Data = make([]tensor.BFloat16, tensor.Size(shape))
		}
	}
	return list
}

// typical is the median time in seconds of a number of calls after some others.
func typical(ctx context.Context, before, calls int, call func() error) (float64, error) {
	var seconds []float64
	for i := range before + calls {
		if err := interrupted(ctx); err != nil {
			return 0, err
		}
		begun := time.Now()
		if err := call(); err != nil {
			return 0, err
		}
		if i >= before {
			seconds = append(seconds, time.Since(begun).Seconds())
		}
	}
	slices.Sort(seconds)
	return stat.Quantile(seconds, 0.5), nil
}

// readingTime reads a few of the training images and tells how long all reading takes. Decoded images that fit into the image cache are
// read once.
func (p *plan) readingTime(t *PreviewSeconds) (float64, error) {
	c, side := p.config, int64(p.backbone.ImageSize())
	n := min(readSample, len(p.data.items))
	begun := time.Now()
	for i := range n {
		_, err := p.data.images.Load(p.data.items[i*len(p.data.items)/n].Path)
		if err != nil && !c.SkipBadImages {
			return 0, err
		}
	}
	each := time.Since(begun).Seconds() / float64(n) / float64(max(1, c.Threads))
	reads := float64(t.Tested)
	again := func(images, times int, cache int64) { // of which the cache spares all but the first
		kept := min(1, float64(cache)/float64(3*side*side*int64(max(1, images))))
		reads += float64(images) * (1 + float64(max(0, times-1))*(1-kept))
	}
	if t.Stored {
		reads += float64(distinct(p.pictureSums()))
	} else {
		again(len(p.data.items), c.Epochs, c.cacheBytes())
	}
	switch {
	case t.LookCount == 0:
	case t.Stored && p.looksStored(t.LookCount):
		reads += float64(t.Looked)
	default:
		kept := c.cacheBytes() / 4 // all of them or none
		if int64(t.Looked)*3*side*side > kept {
			kept = 0
		}
		again(t.Looked, t.LookCount, kept)
	}
	return each * reads, nil
}

// distinct is the number of different pictures among those with the given sums.
func distinct(sums [][sha256.Size]byte) int {
	pictures := slices.Clone(sums)
	slices.SortFunc(pictures, func(a, b [sha256.Size]byte) int { return slices.Compare(a[:], b[:]) })
	return len(slices.Compact(pictures))
}
