package data

import (
	"fmt"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/internal/files"
)

// Passed collects what was passed over in folders of images.
type Passed struct {
	unread  []string // pictures in formats that are not read
	foreign []string // other files
	broken  []string // links that lead nowhere
}

// ImagesBelow lists the images below a folder by name, at any depth and through links. Which files are images is told by their
// names. The rest is passed over and collected, but for what is hidden (see [files.Hidden]).
func (p *Passed) ImagesBelow(folder string) ([]files.File, error) {
	var images []files.File
	err := files.Below(folder, func(f files.File) error {
		switch {
		case IsImageName(f.Name): // a broken link too: it is told where it is read
			images = append(images, f)
		case f.Info == nil:
			p.broken = append(p.broken, f.Path)
		default:
			p.Add(f.Path)
		}
		return nil
	})
	return images, err
}

// Add collects a file whose name is not that of an image.
func (p *Passed) Add(path string) {
	if isPictureName(path) {
		p.unread = append(p.unread, path)
	} else {
		p.foreign = append(p.foreign, path)
	}
}

// Notes says in a line for each kind what was passed over, with the number and the first names.
func (p *Passed) Notes() (notes []string) {
	add := func(paths []string, format string) {
		if len(paths) > 0 {
			notes = append(notes, fmt.Sprintf(format, len(paths), spell.Few(paths, mostNames)))
		}
	}
	add(p.unread, "passed over, pictures in formats that are not read: %d (%s): convert them to PNG or JPEG")
	add(p.broken, "passed over, links that lead nowhere: %d (%s)")
	add(p.foreign, "passed over, files that are no images: %d (%s)")
	return notes
}
