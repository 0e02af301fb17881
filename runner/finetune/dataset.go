package finetune

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/jpeg"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/report"
)

// evalBatch is the number of images classified at a time after training. It does not affect the result.
const evalBatch = 64

// dataset is an open data set with its input pipelines.
type dataset struct {
	batch       int // images of a step: fewer than Config.Batch if there are no more
	set         *data.Set
	classes     int
	classNames  []string
	name        string
	fingerprint string // of all images that training and evaluation read
	evaluated   string // data.Set.ContentOf of the images to evaluate on, "" if there are none
	counts      map[string]int
	decoder     *jpeg.Decoder
	images      data.Images         // reads an image
	items       []data.Item         // for training
	broken      map[int]error       // with --skip-bad-images: why items can't be read, by their indices
	watched     []data.Item         // validation images that the run looks at
	held        []data.Item         // to evaluate on, nil if there are none
	all         []data.Item         // items, watched, held and those of the targets
	allSums     [][sha256.Size]byte // of the files of all
	survey      data.Survey         // of all
	train       *data.Loader
	val         *data.Loader // of watched, nil if there are none
	test        *data.Loader // of held, nil if there are none
	testSplit   string
	targets     []target // other domains to test on
	skipped     *data.Skips
	notes       []string // for the user
	division    *data.Division
}

// sums are those of the files of items.
func (d *dataset) sums() [][sha256.Size]byte { return d.allSums[:len(d.items)] }

// watchedSums are those of the files of watched.
func (d *dataset) watchedSums() [][sha256.Size]byte { return d.allSums[len(d.items):][:len(d.watched)] }

// openTraining opens the splits of a training run: by default trainval to train on, test to evaluate on.
func openTraining(ctx context.Context, c Config, set *data.Set, bb *backbone.Backbone, note runner.NoteFunc) (_ *dataset, err error) {
	d, err := c.gather(ctx, set, note)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if err := c.checkWatched(d, note); err != nil {
		return nil, err
	}
	if d.decoder, err = jpeg.NewDecoder(c.Threads); err != nil {
		return nil, err
	}
	if c.SkipBadImages { // batch, class weights and balanced draws are of those that can be read
		if d.broken, err = d.check(ctx, note); err != nil {
			return nil, err
		}
	}
	var smaller string
	if c.Batch, smaller, err = c.fittingBatch(len(d.items) - len(d.broken)); err != nil {
		return nil, err
	}
	d.batch = c.Batch
	d.images = data.Images{Decoder: d.decoder, Size: bb.ImageSize(), Upright: c.upright(set)}
	options := data.LoaderOptions{
		Batch: c.Batch, Shuffle: c.Shuffle, Balanced: c.Sampler == SamplerBalanced, DropLast: true, Augment: c.Augment, Seed: c.Seed, Fill: fill(bb.Mean), Views: c.Views,
		LastEpoch: c.Epochs, CacheBytes: c.cacheBytes(), SkipBad: c.SkipBadImages, OnBad: d.skipped.Add,
	}
	if d.train, err = data.NewLoader(d.items, d.images, options); err != nil {
		return nil, err
	}
	d.train.Exclude(d.broken)
	if err := d.openTests(c); err != nil {
		return nil, err
	}
	if set.LabelSets == nil {
		d.findings(c, smaller)
	} else if smaller != "" {
		d.notes = append(d.notes, smaller)
	}
	return d, nil
}

// manyImages is the number of images from which reading them all once is worth a note.
const manyImages = 1000

// check decodes the training images and returns the errors of those that can't be read, by their indices.
func (d *dataset) check(ctx context.Context, note runner.NoteFunc) (broken map[int]error, err error) {
	if len(d.items) >= manyImages {
		note("--skip-bad-images: reading the %s training images once to find those that can't be read", report.Thousands(len(d.items)))
	}
	errs := make([]error, len(d.items))
	reader := data.Images{Decoder: d.decoder}
	err = data.Each(ctx, len(d.items), func(i int) { errs[i] = reader.Check(d.items[i].Path) }, func(int) {})
	broken = map[int]error{}
	for i, e := range errs {
		if e != nil {
			broken[i] = e
		}
	}
	return broken, cmp.Or(interrupted(ctx), err)
}

// openTests opens the loaders of the images that are classified. Decoded validation images stay in memory between looks if they take
// at most a quarter of what the training images may.
func (d *dataset) openTests(c Config) error {
	images := d.images
	images.Resize = c.TestResize
	once := classify.Once(evalBatch, c.SkipBadImages, d.skipped)
	again := once // of several looks
	if all := int64(len(d.watched)) * int64(images.Size*images.Size*3); all <= c.cacheBytes()/4 {
		again.CacheBytes = all
	}
	open := func(loader **data.Loader, items []data.Item, o data.LoaderOptions) (err error) {
		if items == nil {
			return nil
		}
		*loader, err = data.NewLoader(items, images, o)
		return err
	}
	err := cmp.Or(open(&d.val, d.watched, again), open(&d.test, d.held, once))
	for i := range d.targets {
		err = cmp.Or(err, open(&d.targets[i].loader, d.targets[i].items, once))
	}
	return err
}

// findings notes what distorts the results. smaller is the note on a smaller batch.
func (d *dataset) findings(c Config, smaller string) {
	rest := d.allSums[len(d.items):]
	part := func(name string, items []data.Item) data.Part {
		p := data.Part{Name: name, Items: items, Sums: rest[:len(items)]}
		rest = rest[len(items):]
		return p
	}
	training, val := data.Part{Name: c.trainSplit(), Items: d.items, Sums: d.sums()}, part(data.Val, d.watched)
	tests := []data.Part{part(d.testSplit, d.held)}
	if d.held == nil && len(d.targets) > 0 {
		tests = nil
	}
	for _, t := range d.targets {
		tests = append(tests, part(t.name, t.items))
	}
	var notes []string
	for i, test := range tests {
		notes = append(notes, d.set.Findings(training, test)...)
		for _, other := range tests[:i] {
			notes = append(notes, testedTwice(other, test))
		}
	}
	for _, note := range append(notes, d.set.SharedImages(training, val), smaller, d.set.UnseenNote(d.train, c.Epochs)) {
		if note != "" && !slices.Contains(d.notes, note) {
			d.notes = append(d.notes, note)
		}
	}
}

func (c Config) openSet() (*data.Set, error) {
	if c.Loss == LossSigmoid {
		return data.OpenSeveral(c.Data)
	}
	if c.Lists != nil {
		return data.OpenListed(c.Data, c.Lists, c.Classes, c.ClassNames)
	}
	return data.OpenClasses(c.Data, c.Classes)
}

func (c Config) trainSplit() string { return cmp.Or(c.TrainSplit, data.TrainVal) }

// evaluationItems returns the items of the split to evaluate on and its name, by default test. items is nil if the set has no
// such split.
func (c Config) evaluationItems(set *data.Set) (items []data.Item, split string, err error) {
	if c.EvalSplit != "" {
		items, err := set.Split(c.EvalSplit)
		return items, c.EvalSplit, err
	}
	if !slices.Contains(set.Splits(), data.Test) {
		return nil, "", nil
	}
	if c.Holdout > 0 {
		return nil, "", runner.Usagef("--holdout is for data sets without a test split, and %s has one", c.Data)
	}
	items, err = set.Split(data.Test)
	return items, data.Test, err
}

// cacheBytes returns the loader's limit of decoded images, at most half of the free memory. -1 disables the loader's cache, for
// which 0 would mean the default.
func (c Config) cacheBytes() int64 {
	if c.CacheMiB == 0 {
		return -1
	}
	if free := machine.AvailableBytes(); free > 0 {
		return min(c.CacheMiB<<20, max(free/2, 1))
	}
	return c.CacheMiB << 20
}

// leaveOut leaves out and counts the images that an earlier process could not read, by their indices.
func (d *dataset) leaveOut(training, validation []int) error {
	bad, err := d.train.LeaveOut(training)
	if err != nil {
		return err
	}
	d.skipped.Know(bad)
	if d.val == nil {
		return nil
	}
	if bad, err = d.val.LeaveOut(validation); err != nil {
		return err
	}
	d.skipped.Know(bad)
	return nil
}

func (d *dataset) close() {
	loaders := []*data.Loader{d.train, d.val, d.test}
	for _, t := range d.targets {
		loaders = append(loaders, t.loader)
	}
	for _, l := range loaders {
		if l != nil {
			l.Close()
		}
	}
	if d.decoder != nil {
		d.decoder.Close()
	}
}
