package finetune

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
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

// minEpochs is the shortest run for which auto writes a cache. The first pass costs what it saves in one epoch, and some more
// for writing and verifying.
const minEpochs = 3

// epochsToStore is the length of the shortest run for which auto writes a cache: a pass costs what it saves in an epoch, and there is one for
// each view.
func (c Config) epochsToStore() int { return minEpochs - 1 + max(c.Views, 1) }

// features is the feature cache of a run: the opened store and the images that belong to its rows.
type features struct {
	store    *feature.Store
	items    []data.Item          // by row, the first item of each
	pictures []int                // by row, the first picture of each: see pictureSums
	rows     []int                // by picture
	record   *result.FeatureCache // for run.json
	demand   demand

	source  *data.Loader       // of the images
	listed  []data.Item        // those of source
	images  data.Images        // reads them
	options data.LoaderOptions // of a loader of the items
	order   func(epoch int) ([][]int, error)
}

// storing is what reads stored values: a model, or several settings.
type storing interface {
	Stored(t dtl.Training) []dtl.Stored
}

// demand says how much a run insists on the feature cache.
type demand int

const (
	optional  demand = iota // auto: the run trains without the cache if that is not possible
	requested               // the user named the folder: an error, unless another process holds the cache
	required                // the run to resume used it: an error, because other values would change the result
)

// openFeatures decides whether the run reads the values of the model's prefix from a store, and opens it. features is nil if not.
// record is for run.json, nil with --feature-cache off. before is the state of the cache in the run to resume, "" if there is
// none.
func (p *plan) openFeatures(ctx context.Context, m storing, before string, ui runner.UI) (k *features, record *result.FeatureCache, err error) {
	c := p.config
	want := c.cacheDemand(before)
	switch {
	case c.FeatureCache == FeatureCacheOff:
		return nil, nil, nil
	case want != requested && before == cacheOff:
		record, err = decline(optional, errors.New("the run began without"), ui.Note)
		return nil, record, err
	}
	values, obstacle := p.storable(m)
	if obstacle != nil {
		record, err = c.declineValues(want, obstacle, ui.Note)
		return nil, record, err
	}
	k, err = p.openStore(ctx, want, values, ui)
	var failed *storeError
	switch {
	case errors.As(err, &failed):
		record, err = decline(want, failed.error, ui.Note)
		return nil, record, err
	case err != nil:
		return nil, nil, err
	}
	return k, k.record, nil
}

// cacheDemand says how much a run insists on the cache, which has the state before in the run to resume.
func (c Config) cacheDemand(before string) demand {
	switch {
	case c.FeatureCache != FeatureCacheAuto:
		return requested
	case before == cacheOn:
		return required
	}
	return optional
}

// openStore opens the store of the values, in the folder that the user named or else in that of all runs. Its error is a *storeError if a run
// could do without the store.
func (p *plan) openStore(ctx context.Context, want demand, values []feature.Value, ui runner.UI) (*features, error) {
	c, dir := p.config, p.config.FeatureCache
	if want != requested {
		var err error
		if dir, err = feature.UserFolder(); err != nil {
			return nil, &storeError{err}
		}
	}
	sums := p.pictureSums()
	images := feature.NewImages(sums)
	options, err := p.storeOptions(dir, values, ui)
	if err != nil {
		return nil, err
	}
	store, err := feature.Open(ctx, options, images)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, &storeError{err}
	}
	missing := len(store.Missing())
	if least := c.epochsToStore(); missing > 0 && c.Epochs < least && want == optional {
		if err := store.Close(); err != nil {
			return nil, err
		}
		return nil, &storeError{fmt.Errorf("storing values does not pay in a run of less than %d epochs", least)}
	}
	if c.Views > 0 {
		ui.Note("feature cache: %d views of each of %s images, which count as images below", c.Views, report.Thousands(len(p.data.items)))
	}
	if missing == 0 {
		ui.Note("feature cache: values of %s images found in %s", report.Thousands(images.Len()), store.Folder())
	}
	k := &features{store: store, demand: want, source: p.data.train, listed: p.data.items, images: p.data.images, order: p.pictureOrder, record: &result.FeatureCache{
		Used: true, Folder: store.Folder(), Precision: string(c.CachePrecision), Bytes: store.Bytes(), Values: len(values), Found: len(values) - missing,
		Views: c.Views,
	}}
	k.match(images, sums)
	k.options = k.pictureOptions(p)
	return k, nil
}

// match finds the row of each picture.
func (k *features) match(images feature.Images, sums [][sha256.Size]byte) {
	k.items, k.pictures = make([]data.Item, images.Len()), make([]int, images.Len())
	k.rows = make([]int, len(sums))
	for i := len(sums) - 1; i >= 0; i-- {
		row := images.Row(sums[i])
		k.rows[i], k.pictures[row], k.items[row] = row, i, k.listed[i%len(k.listed)]
	}
}

// decline returns an error if the run needs the cache, and otherwise notes the reason for training without it.
func decline(want demand, reason error, note runner.NoteFunc) (*result.FeatureCache, error) {
	switch {
	case want == required:
		return nil, fmt.Errorf("the run to resume took values from a feature cache, which is not possible now: %w", reason)
	case want == requested && !feature.Busy(reason):
		return nil, fmt.Errorf("--feature-cache: %w", reason)
	}
	note("feature cache: not used: %v", reason)
	return &result.FeatureCache{Reason: reason.Error()}, nil
}

// declineValues is decline for a run that has no values to store.
func (c Config) declineValues(want demand, o *obstacle, note runner.NoteFunc) (*result.FeatureCache, error) {
	switch {
	case want == requested && c.SeveralMethods && o.ofMethod:
		want = optional
	case want == requested:
		return nil, runner.Usagef("--feature-cache: %w", o)
	case o.ofMethod && c.Views == 0 && c.CachePrecision == graph.FP32: // not worth a note to a user who did not ask for the cache
		note = func(string, ...any) {}
	}
	return decline(want, o, note)
}

// The states of the cache in a run's Record.
const (
	cacheOn  = "on"
	cacheOff = "off"
)

// cacheBefore returns the state of the cache in the run that a folder holds, "" if unknown.
func cacheBefore(folder *result.Folder) string {
	old, err := result.ReadRun(folder.Path(result.RunFile))
	if err != nil {
		return ""
	}
	record, err := ReadRecord(old.Config)
	if err != nil {
		return "" // resume reports it
	}
	return record.FeatureCache
}

// obstacle is a reason why a run has no values to store.
type obstacle struct {
	reason   string
	ofMethod bool // from the method
}

func (o *obstacle) Error() string { return o.reason }

// storable lists the values of an image that training steps can read from a store, or says why there are none.
func (p *plan) storable(m storing) ([]feature.Value, *obstacle) {
	c := p.config
	switch policy := c.augmentation(); {
	case policy.Mixes():
		return nil, &obstacle{reason: "--augment " + c.Augment + " mixes other images in every batch"}
	case policy.ChangesImages() && c.Views == 0:
		return nil, &obstacle{reason: "--augment " + c.Augment + " makes other images in every epoch (--views repeats them, so that they can be stored)"}
	}
	training := c.training()
	var values []feature.Value
	for _, v := range m.Stored(training) {
		if v.Name == "features" { // pooling is not part of the name
			v.Name += "_" + string(p.method.Pool)
		}
		values = append(values, feature.Value{Name: v.Name, Shape: v.Shape})
	}
	if len(values) > 0 {
		return values, nil
	}
	training.DropPath = 0
	if len(m.Stored(training)) > 0 {
		return nil, &obstacle{reason: fmt.Sprintf("with --drop-path %g all blocks change in every step (--drop-path-scope suffix spares the leading ones)", c.DropPath)}
	}
	return nil, &obstacle{reason: "nothing to store: method " + p.method.Method.Name() + " changes the backbone from its first block on", ofMethod: true}
}

// storeOptions identifies the values: everything that they depend on is part of the key.
func (p *plan) storeOptions(dir string, values []feature.Value, ui runner.UI) (feature.Options, error) {
	bb, c := p.backbone, p.config
	program, err := build.Name(ui.Version)
	if err != nil {
		return feature.Options{}, err
	}
	computing, err := runner.Computing()
	if err != nil {
		return feature.Options{}, err
	}
	name := runner.BackboneName(bb.Path)
	if bb.Path == "" {
		name = "random"
	}
	return feature.Options{
		Dir: dir,
		Key: feature.Key{
			Backbone: bb.Fingerprint(), Architecture: bb.Architecture.String(), Eps: unusualEps(bb), Mean: bb.Mean, Std: bb.Std,
			ImageSize: bb.ImageSize(), Preprocessing: p.data.images.Preprocessing(), Pictures: p.pictureKey(), Computed: c.Precision, Stored: c.CachePrecision,
			Program: program, Device: string(p.devices.Kind) + ", " + deviceModel(p.devices.Kind),
			OneDNN: strings.TrimSpace(computing.OneDNN + " " + computing.Limit), Kernels: graph.KernelsFor(p.devices.Kind, c.Precision),
		},
		Versions: feature.Versions{Program: program, LibTensorFlow: tf.Version()},
		About:    feature.About{Backbone: name, Data: p.data.name},
		Values:   values, Note: ui.Note,
	}, nil
}
