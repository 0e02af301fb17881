package finetune

import (
	"context"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// Preview is what a run takes, told before it. All sizes are bytes.
type Preview struct {
	Backbone  string          `json:"backbone"`
	Method    string          `json:"method"`
	Precision graph.Precision `json:"precision"`
	Batch     int             `json:"batch"`
	Threads   int             `json:"threads"`
	Images    int             `json:"images"` // to train on
	Classes   int             `json:"classes"`
	Steps     int             `json:"steps"`
	Epochs    int             `json:"epochs"`

	Modes []Mode          `json:"recompute"` // in the order of graph.ExactRecomputes
	Cache *PreviewCache   `json:"feature_cache,omitempty"`
	Limit int64           `json:"limit,omitempty"`
	Pick  *result.Memory  `json:"pick,omitempty"` // what fine-tune --memory chooses; nil without a limit
	Time  *PreviewSeconds `json:"seconds,omitempty"`
}

// Mode is the memory of a run with a recompute mode.
type Mode struct {
	Recompute graph.Recompute `json:"recompute"`
	Peak      int64           `json:"step_peak"` // with the micro-batch of the settings
	Need      result.Need     `json:"need"`
	Process   int64           `json:"process"`            // the sum of Need
	Fits      []int           `json:"fits,omitempty"`     // micro-batches that fit into the limit, the batch itself first
	Smallest  int64           `json:"smallest,omitempty"` // the process with the smallest micro-batch, if none fits
}

// PreviewCache is the size of the feature cache.
type PreviewCache struct {
	Bytes    int64  `json:"bytes"`
	PerImage int64  `json:"bytes_per_image"`
	Without  string `json:"without,omitempty"` // why there is none
}

// Foresee tells what a run with these settings takes. It reads the backbone and the data set, builds the graphs, and trains only if
// measure is set: a few steps on random images.
func Foresee(ctx context.Context, c Config, measure bool, note runner.NoteFunc) (Preview, error) {
	c = c.filled()
	if c.Data == "" {
		return Preview{}, runner.Usagef("--data is required: name the folder of a data set")
	}
	if c.Cluster != "" {
		return Preview{}, errNoClusterForecast
	}
	if err := c.checkSettings(); err != nil {
		return Preview{}, err
	}
	limit, err := c.limit()
	if err != nil {
		return Preview{}, err
	}
	p, err := newPlan(ctx, c, "", note) // without a cluster, no member asks for the version
	if err != nil {
		return Preview{}, err
	}
	defer p.data.close()
	if err := checkForecast(p.devices); err != nil {
		return Preview{}, err
	}
	c = p.config
	out := Preview{
		Backbone: p.backbone.Architecture.String(), Method: p.method.Method.Name(), Precision: c.Precision, Batch: c.Batch, Threads: c.Threads,
		Images: len(p.data.items), Classes: p.data.classes, Steps: c.Epochs * p.data.train.Steps(), Epochs: c.Epochs, Limit: limit,
	}
	n := p.needs()
	for _, r := range graph.ExactRecomputes() {
		if err := interrupted(ctx); err != nil {
			return Preview{}, err
		}
		mode, err := n.mode(r, limit)
		if err != nil {
			return Preview{}, err
		}
		out.Modes = append(out.Modes, mode)
	}
	if out.Cache, err = p.cacheSize(); err != nil {
		return Preview{}, err
	}
	if limit > 0 {
		pick, err := n.pick(limit)
		if err == nil {
			out.Pick = &pick
			c.Recompute, c.MicroBatch = graph.Recompute(pick.Recompute), pick.MicroBatch
		} else {
			note("%v", err)
		}
	}
	if measure && (limit == 0 || out.Pick != nil) {
		out.Time, err = p.measureTime(ctx, c)
	}
	return out, err
}

// mode estimates a recompute mode and looks for the micro-batches that fit into limit.
func (n *needs) mode(r graph.Recompute, limit int64) (Mode, error) {
	need, err := n.of(choice{r, n.config.MicroBatch})
	if err != nil {
		return Mode{}, err
	}
	m := Mode{Recompute: r, Peak: need.Step, Need: need, Process: need.Total()}
	if limit == 0 {
		return m, nil
	}
	for _, size := range divisors(n.config.Batch) {
		if len(m.Fits) > 0 { // smaller ones take less
			m.Fits = append(m.Fits, size)
			continue
		}
		need, err := n.of(choice{r, size})
		if err != nil {
			return Mode{}, err
		}
		if m.Smallest = need.Total(); m.Smallest <= limit {
			m.Fits = append(m.Fits, size)
		}
	}
	if len(m.Fits) > 0 {
		m.Smallest = 0
	}
	return m, nil
}

// divisors lists the divisors of n, largest first.
func divisors(n int) (list []int) {
	for d := n; d > 0; d-- {
		if n%d == 0 {
			list = append(list, d)
		}
	}
	return list
}

// cacheSize is the size of the feature cache of a run, without those of its images that are there already.
func (p *plan) cacheSize() (*PreviewCache, error) {
	if p.config.FeatureCache == FeatureCacheOff {
		return nil, nil
	}
	m, err := p.newModel()
	if err != nil {
		return nil, err
	}
	values, obstacle := p.storable(m)
	if obstacle != nil {
		return &PreviewCache{Without: obstacle.reason}, nil
	}
	cache := new(PreviewCache)
	for _, v := range values {
		cache.PerImage += int64(p.config.CachePrecision.Bytes() * tensor.Size(v.Shape))
	}
	cache.Bytes = cache.PerImage * int64(distinct(p.pictureSums()))
	return cache, nil
}
