package prepare

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"dtl-tf/runner/prepare/archive"
)

// The lists, which are folders in images/ too.
const (
	train = iota
	val
	test
	lists
)

var listNames = [lists]string{"train800", "val200", "test"}

// ref names an image of a source: the split and its number there.
type ref struct {
	split string
	index int
}

// plan is which images go into which list, in order.
type plan [lists][]ref

// place is where an image goes.
type place struct{ list, at int }

// wanted is a plan seen from the source: for each split, where its images go.
func (p plan) wanted() map[string]map[int]place {
	all := map[string]map[int]place{}
	for list, refs := range p {
		for at, r := range refs {
			if all[r.split] == nil {
				all[r.split] = map[int]place{}
			}
			all[r.split][r.index] = place{list, at}
		}
	}
	return all
}

// picture is one image on its way.
type picture struct {
	encoded []byte // the file's content
	path    string // or the file to link to
	label   int
	name    string // what the source calls it
}

// source is one kind of data that can be prepared.
type source interface {
	// describe fills in what the record says about the source.
	describe(r *Record)
	// plan counts the images and chooses.
	plan(ctx context.Context, c Config, r *Record) (plan, error)
	// extract gives each image of the plan to put, in whatever order is best.
	extract(ctx context.Context, p plan, put func(place, picture) error) error
}

// open finds out what the source is by what is in it.
func open(ctx context.Context, c Config) (source, error) {
	a, err := archive.Open(c.From)
	if err != nil {
		return nil, err
	}
	if c.Link && a.Kind != archive.Folder {
		return nil, usagef("--link: %s is an archive, whose images can only be copied", c.From)
	}
	var entries []archive.Entry
	err = a.Walk(ctx, func(e archive.Entry, _ io.Reader) error {
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%s holds no files", c.From)
	}
	if c.Link && !holds(entries, isImage) {
		return nil, usagef("--link: only the images of class folders can be linked")
	}
	switch {
	case holds(entries, isRecordFile):
		return openTFDS(c, a, entries)
	case holds(entries, isSprites):
		return openSprites(c, a, entries)
	case holds(entries, isCIFAR):
		return openCIFAR(c, a, entries)
	}
	return openFolders(c, a, entries)
}

func holds(entries []archive.Entry, is func(name string) bool) bool {
	for _, e := range entries {
		if is(e.Name) {
			return true
		}
	}
	return false
}

func isRecordFile(name string) bool { return strings.Contains(path.Base(name), ".tfrecord") }
