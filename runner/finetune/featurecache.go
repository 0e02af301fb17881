package finetune

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/feature"
	"dtl-tf/runner/internal/build"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// What --feature-cache accepts besides a folder.
const (
	FeatureCacheAuto = "auto" // the user's cache folder, where it is possible and pays
	FeatureCacheOff  = "off"
)

// What --drop-path-scope accepts.
const (
	DropPathAll    = string(dtl.DropPathAll)
	DropPathSuffix = string(dtl.DropPathSuffix)
)

const (
	// fewestEpochs is the shortest run for which auto writes a cache. The first pass costs what it saves in one
	// epoch, and writing and checking some more.
	fewestEpochs = 3
	// firstPassBatch is the number of images computed at a time. It does not change the values; 16 images of
	// ViT-B/16 are 130 MB of values to fetch.
	firstPassBatch = 16
)

// featureCache is a run's use of stored values.
type featureCache struct {
	store   *feature.Store
	loader  *feature.Loader // nil until all values are there
	items   []data.Item     // the first item of each row
	rows    []int           // of each training image
	asked   bool            // the user named the folder
	resumed bool            // the run to resume used a cache, and goes on only so
	record  result.FeatureCache
}

func (c Config) featureCache() string   { return cmp.Or(c.FeatureCache, FeatureCacheOff) }
func (c Config) cachePrecision() string { return cmp.Or(c.CachePrecision, FP32) }
func (c Config) dropPathScope() string  { return cmp.Or(c.DropPathScope, DropPathAll) }

// openCache decides whether the run takes the values of the frozen prefix from a store, and opens that.
func (f *fineTuning) openCache(ctx context.Context) error {
	c := f.config
	k := &featureCache{asked: c.featureCache() != FeatureCacheAuto}
	if c.featureCache() == FeatureCacheOff {
		return nil
	}
	if c.Resume && !k.asked {
		switch f.cacheBefore() {
		case cacheOff:
			reason := errors.New("the run began without")
			return f.without(k, reason.Error(), reason)
		case cacheOn:
			k.resumed = true
		}
	}
	values, err := f.storable()
	var not *notStorable
	switch {
	case errors.As(err, &not) && k.asked:
		return runner.Usagef("--feature-cache: %w", err)
	case errors.As(err, &not):
		return f.without(k, not.tell, err)
	case err != nil:
		return err
	}
	dir := c.FeatureCache
	if !k.asked {
		if dir, err = feature.UserFolder(); err != nil {
			return f.without(k, err.Error(), err)
		}
	}
	images := feature.NewImages(f.data.sums)
	options, err := f.cacheOptions(dir, values)
	if err != nil {
		return err
	}
	k.store, err = feature.Open(ctx, options, images)
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil:
		return f.without(k, err.Error(), err)
	}
	missing := len(k.store.Missing())
	k.record = result.FeatureCache{
		Used: true, Folder: k.store.Folder(), Precision: c.cachePrecision(), Bytes: k.store.Bytes(), Values: len(values), Found: len(values) - missing,
	}
	if missing > 0 && c.Epochs < fewestEpochs && !k.asked && !k.resumed {
		short := fmt.Errorf("storing values does not pay in a run of less than %d epochs", fewestEpochs)
		return f.without(k, short.Error(), short)
	}
	if missing == 0 {
		f.note("feature cache: values of %s images found in %s", report.Thousands(images.Len()), k.store.Folder())
	}
	k.match(images, f.data)
	f.cache = k
	return nil
}

// match finds out which image is in which row.
func (k *featureCache) match(images feature.Images, d *dataset) {
	k.items = make([]data.Item, images.Len())
	k.rows = make([]int, len(d.items))
	for i := len(d.items) - 1; i >= 0; i-- {
		row := images.Row(d.sums[i])
		k.rows[i], k.items[row] = row, d.items[i]
	}
}

// The states of the cache in a run's resolved configuration.
const (
	cacheOn  = "on"
	cacheOff = "off"
)

// cacheState is what this run does, as its resolved configuration says it.
func (f *fineTuning) cacheState() (state, precision string) {
	if f.cache == nil {
		return cacheOff, ""
	}
	return cacheOn, f.config.cachePrecision()
}

// cacheBefore is the state in which the run to resume began, "" if that is not known.
func (f *fineTuning) cacheBefore() string {
	var before struct {
		State string `json:"feature_cache"`
	}
	if old, err := result.ReadRun(f.folder.Path(result.RunFile)); err == nil {
		_ = json.Unmarshal(old.Config, &before) // resume reads it with more care
	}
	return before.State
}

// without goes on without a cache where that is right, telling the user why unless tell is empty; where it is not, the
// reason is the error.
func (f *fineTuning) without(k *featureCache, tell string, reason error) error {
	if k.store != nil {
		if err := k.store.Close(); err != nil {
			return err
		}
		k.store = nil
	}
	switch {
	case k.resumed:
		return fmt.Errorf("the run to resume took values from a feature cache, which is not possible now: %w", reason)
	case k.asked && !feature.Busy(reason):
		return fmt.Errorf("--feature-cache: %w", reason)
	}
	if tell != "" {
		f.note("feature cache: not used: %s", tell)
	}
	f.cache, f.noCache = nil, reason.Error()
	return nil
}

// notStorable says why a run can't take anything from a store.
type notStorable struct {
	reason string
	tell   string // what the user hears of it who did not ask for a cache
}

func (e *notStorable) Error() string { return e.reason }

// storable are the values of an image that training steps can take from a store; a *notStorable if there are none.
func (f *fineTuning) storable() ([]feature.Value, error) {
	c := f.config
	if c.Augment != AugmentNone {
		reason := "--augment " + c.Augment + " makes other images in every epoch"
		return nil, &notStorable{reason, reason}
	}
	model, err := dtl.New(f.modelConfig())
	if err != nil {
		return nil, err
	}
	stored := model.Stored(c.training())
	if len(stored) == 0 {
		nothing := &notStorable{reason: "nothing to store: method " + f.settings.Method.Name() + " changes the backbone from its first block on"}
		if len(model.Stored(dtl.Training{})) > 0 {
			reason := fmt.Sprintf("with --drop-path %g all blocks change in every step (--drop-path-scope suffix spares the leading ones)", c.DropPath)
			nothing = &notStorable{reason, reason}
		}
		return nil, nothing
	}
	var values []feature.Value
	for _, v := range stored {
		if v.Name == "features" { // how they are pooled is no part of the name
			v.Name += "_" + string(f.settings.Pool)
		}
		values = append(values, feature.Value{Name: v.Name, Shape: v.Shape})
	}
	return values, nil
}

func (f *fineTuning) cacheOptions(dir string, values []feature.Value) (feature.Options, error) {
	bb := f.backbone
	program, err := build.Name(f.ui.Version)
	if err != nil {
		return feature.Options{}, err
	}
	computing, err := runner.Computing()
	if err != nil {
		return feature.Options{}, err
	}
	name := filepath.Base(bb.Path)
	if bb.Path == "" {
		name = "random"
	}
	return feature.Options{
		Dir: dir,
		Key: feature.Key{
			Backbone: bb.Fingerprint(), Architecture: bb.Architecture.String(), Eps: unusualEps(bb), Mean: bb.Mean, Std: bb.Std,
			ImageSize: bb.ImageSize(), Preprocessing: data.Preprocessing, Computed: f.config.Precision, Stored: f.config.cachePrecision(),
			Program: program, Device: string(f.device) + ", " + deviceModel(f.device),
			OneDNN: strings.TrimSpace(computing.OneDNN + " " + computing.Limit), Kernels: graph.KernelsFor(f.device, graph.Precision(f.config.Precision)),
		},
		Versions: feature.Versions{Program: program, LibTensorFlow: tf.Version()},
		About:    feature.About{Backbone: name, Data: f.data.name},
		Values:   values, Note: f.note,
	}, nil
}

func (k *featureCache) close() {
	if k.loader != nil {
		k.loader.Close()
	}
	if k.store != nil {
		_ = k.store.Close() // what was read is read
	}
}
