package prepare

import (
	"context"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/prepare/archive"
)

// The lists, which are also folders in images/.
const (
	train = iota
	val
	test
	lists
)

var listNames = [lists]string{"train800", "val200", "test"}

// ref identifies an image of a source by its split and its number there.
type ref struct {
	split string
	index int
}

// plan has the images of each list, in order.
type plan [lists][]ref

// picture is an image to write.
type picture struct {
	encoded []byte // content of the file
	path    string // or the file to link to
	label   int
	name    string // in the source
	// convert makes the content from the decoded image, nil keeps it.
	convert func(raster) ([]byte, error)
}

// sink stores an image if the plan has it; only then it calls read.
type sink func(at ref, read func() (picture, error)) error

// source is a kind of data that can be prepared.
type source interface {
	// describe fills in what the record says about the source.
	describe(r *Record)
	// plan counts the images and chooses.
	plan(ctx context.Context, c Config, r *Record) (plan, error)
	// extract passes all images to put, in the order that is fastest to read.
	extract(ctx context.Context, put sink) error
}

// open detects the kind of the source by its files.
func open(ctx context.Context, c Config) (source, error) {
	if c.set != nil {
		return c.set.openAs(ctx, c, c.Task)
	}
	if s, err := openRaw(ctx, c); s != nil || err != nil {
		return s, err
	}
	if s, err := openSpriteFile(c); s != nil || err != nil {
		return s, err
	}
	a, err := archive.Open(c.From)
	if err != nil {
		return nil, err
	}
	if c.Link && a.Kind != archive.Folder {
		return nil, runner.Usagef("--link: %s is an archive, whose images can only be copied", c.From)
	}
	if s, err := openByName(ctx, c, a); s != nil || err != nil {
		return s, err
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
	has := func(kind func(name string) bool) bool {
		return slices.ContainsFunc(entries, func(e archive.Entry) bool { return kind(e.Name) })
	}
	switch {
	case has(isOtherRecordFile) && !has(isRecordFile):
		return nil, fmt.Errorf("%s holds a data set of TFDS in a format that is not read (array_record or riegeli): prepare it again with 'tfds build NAME --file_format=tfrecord'", a.Path)
	case c.Link && !has(data.IsImageName):
		return nil, runner.Usagef("--link: only the images of class folders can be linked")
	case has(isRecordFile) && (!has(isDMLab) || has(isInfo)):
		return openTFDS(c, a, entries)
	case has(isSprites):
		return openSprites(c, a)
	case has(isCIFAR):
		return openCIFAR(c, a, entries)
	}
	if s, err := openByContent(ctx, c, entries); s != nil || err != nil {
		return s, err
	}
	return openFolders(a, entries)
}

// isInfo recognises a file that TFDS writes beside its records.
func isInfo(name string) bool { return path.Base(name) == infoFile }

func isRecordFile(name string) bool { return strings.Contains(path.Base(name), ".tfrecord") }

// isOtherRecordFile recognises the other formats in which TFDS stores records.
func isOtherRecordFile(name string) bool {
	base := path.Base(name)
	return strings.Contains(base, ".array_record-") || strings.Contains(base, ".riegeli-")
}

// sourceFiles returns the archive, or the named files of a folder, for the record.
func sourceFiles(a *archive.Archive, names ...string) (list []SourceFile) {
	if a.Kind != archive.Folder {
		return []SourceFile{{Name: filepath.Base(a.Path)}}
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		list = append(list, SourceFile{Name: name})
	}
	return list
}
