// Package prepare makes a data set in the layout of VTAB-1k (images/, train800.txt, val200.txt, train800val200.txt, test.txt) from
// published data: class folders, the archives of CIFAR-10 and CIFAR-100, the HDF5 file and the .npz of dSprites, what the authors of other data sets
// publish (author.go), and the record files of TensorFlow Datasets (TFDS).
//
// The images that VTAB-1k (Zhai et al. 2019, arXiv 1910.04867) uses are fixed: the first 800 records of a training set in TFDS's
// order, and so on (task.go). Class folders of other data sets are drawn from by a seed (draw.go). Encoded images are copied byte
// for byte, raw pixels are stored as PNG, unless --jpeg75 or the data set's own rules change them (convert.go).
package prepare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// Config selects what to prepare.
type Config struct {
	From string // folder or archive
	Out  string // the data set's folder, which Run makes
	Task string // of VTAB-1k; "": by the name of Out, or the only one that From has

	Train, Val int    // images in train800.txt and val200.txt
	Test       int    // maximum number of images in test.txt; negative: no limit
	Seed       uint64 // of the draw from class folders
	Seeded     bool   // the user chose the seed

	Link      bool // hard-link the images of a folder instead of copying them
	JPEG75    bool // store every image as JPEG of quality 75, as the widely shared copy of VTAB-1k does
	Overwrite bool // replace Out if Run made it

	set     *authorSet                                      // of which From has files, among others; nil: as its files tell
	scratch string                                          // folder for temporary files, on the disk of Out
	unpacks func(total int64) func(file string, done int64) // shows how many bytes of a file are unpacked
}

// garbagePercent is how much the heap may grow between two garbage collections: there is more to decode than to collect, and hardly
// anything else is kept.
const garbagePercent = 25

// maxImages is the largest number of images that --train, --val and --test take.
const maxImages = 100_000_000

func (c Config) check() error {
	if c.From == "" {
		return runner.Usagef("--from is required: a folder or an archive")
	}
	if c.Out == "" {
		return runner.Usagef("--out is required: the folder to make")
	}
	for _, f := range []struct {
		name string
		n    int
	}{{"train", c.Train}, {"val", c.Val}, {"test", c.Test}} {
		unlimited := f.name == "test" && f.n < 0
		if (f.n < 1 || f.n > maxImages) && !unlimited {
			return runner.Usagef("--%s %d: want at least 1 image and at most %d", f.name, f.n, maxImages)
		}
	}
	if c.Link && c.JPEG75 {
		return runner.Usagef("--link keeps the files as they are, --jpeg75 makes new ones: choose one of them")
	}
	_, _, err := taskOf(c)
	return err
}

// Run prepares a data set and returns its record, which is also stored in the data set's folder. It leaves nothing behind if it
// fails or is interrupted.
func Run(ctx context.Context, c Config, ui runner.UI) (*Record, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s, err := openStage(c)
	if err != nil {
		return nil, err
	}
	defer s.Discard()
	r := &Record{Program: "dtl-tf " + ui.Version, Prepared: time.Now().UTC().Format(time.RFC3339),
		Options: Options{Train: c.Train, Val: c.Val, Link: c.Link, JPEG75: c.JPEG75}}
	if c.Test > 0 {
		r.Options.Test = &c.Test
	}
	defer debug.SetGCPercent(debug.SetGCPercent(garbagePercent))
	c.scratch = filepath.Dir(s.Folder)
	c.From = loneIn(c)
	err = fill(ctx, s.Folder, r, c, ui)
	if ctx.Err() != nil && !errors.Is(err, context.Canceled) { // errors on the way follow from it
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if err := s.Publish(); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	return r, nil
}

// fill writes the images, the lists and the record, and reads the lists as training will.
func fill(ctx context.Context, folder string, r *Record, c Config, ui runner.UI) error {
	ui.Note("reading %s", c.From)
	progress := report.NewProgress(ui.Err, ui.Quiet)
	defer progress.Break()
	c.unpacks = func(total int64) func(string, int64) { return progress.Download(0, total) }
	from, err := open(ctx, c)
	if err != nil {
		return err
	}
	from.describe(r)
	p, err := from.plan(ctx, c, r)
	if err != nil {
		return err
	}
	r.compareKeys(from, p)
	if c.JPEG75 {
		r.Pixels = strings.TrimPrefix(r.Pixels+", then JPEG of quality 75", ", then ")
	}
	ui.Note("computing checksums of the source")
	if err := r.sumSources(ctx, c.From, ui); err != nil {
		return err
	}
	debug.FreeOSMemory() // that of the directories and lists, which is not needed any more
	w, err := newWriter(folder, c.Link, r.Classes, p)
	if err != nil {
		return err
	}
	step, done := progress.Task("writing images", len(w.places)), 0
	var counting sync.Mutex
	convert := newStudio(ctx, c.JPEG75)
	err = from.extract(ctx, func(at ref, read func() (picture, error)) error {
		to, ok := w.places[at]
		if !ok {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		img, err := read()
		if err != nil {
			return err
		}
		return convert.do(img, func(img picture) error {
			if err := w.put(to, img); err != nil {
				return err
			}
			counting.Lock()
			defer counting.Unlock()
			done++
			step(done)
			return nil
		})
	})
	if failed := convert.wait(); failed != nil { // of which err may be a consequence
		return failed
	}
	if err != nil {
		return err
	}
	if total := len(w.places); done != total {
		return fmt.Errorf("%s: only %d of %d images were found again: did it change meanwhile?", c.From, done, total)
	}
	if n := convert.turned.Load(); n > 0 {
		r.remark("images whose EXIF orientation --jpeg75 drops: %d; they are stored as they lie in their files, so turn them before", n)
	}
	if err := w.finish(r); err != nil {
		return err
	}
	r.compareLabels(w.entries)
	ui.Note("computing the data's fingerprint")
	set, err := data.OpenClasses(folder, r.Classes)
	if err != nil {
		return fmt.Errorf("the data set that was made cannot be read back: %w", err)
	}
	if err := r.fingerprint(ctx, set); err != nil {
		return err
	}
	return result.WriteJSON(filepath.Join(folder, RecordFile), r)
}

// tooFew reports a source with fewer images than a flag asks for; available describes what it has.
func tooFew(c Config, flag string, want int, available string) error {
	return fmt.Errorf("%s: too few images: %s for %s %d: lower it", c.From, available, flag, want)
}
