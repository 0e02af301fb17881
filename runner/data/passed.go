package data

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/internal/files"
)

// IsImageName reports whether a file name has the extension of a supported image format.
func IsImageName(name string) bool { return hasExtension(name, imageExtensions()) }

// imageExtensions are the extensions that count as images in a folder. Decoding goes by content.
func imageExtensions() []string {
	return []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
}

// isUnsupportedImageName reports whether a file name has the extension of an unsupported image format. Such files are reported
// apart, because passing over them may lose data.
func isUnsupportedImageName(name string) bool {
	return hasExtension(name, []string{
		".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".jxr", ".svg",
		".ppm", ".pgm", ".pbm", ".pnm", ".pcx", ".tga", ".ico", ".psd", ".exr", ".hdr", ".dcm",
		".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf",
	})
}

func hasExtension(name string, extensions []string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(name)))
}

// Passed collects the files that were passed over in folders of images.
type Passed struct {
	unsupported []string // images in unsupported formats
	other       []string // files that are not images
	broken      []string // links without a target
	loops       []string // links to a folder that contains them
	hidden      []string // see files.Hidden
}

// ImagesBelow lists the images below a folder by name, at any depth and through links. File names decide which files are images.
// The rest is collected.
func (p *Passed) ImagesBelow(folder string) ([]files.File, error) {
	var images []files.File
	err := files.Walk(folder, func(f files.File) error {
		switch {
		case IsImageName(f.Name): // reading a broken link reports it
			images = append(images, f)
		case f.Info == nil:
			p.broken = append(p.broken, f.Path)
		default:
			p.Add(f.Path)
		}
		return nil
	}, func(path string, why files.Reason) {
		if why == files.IsLoop {
			p.loops = append(p.loops, path)
		} else {
			p.hidden = append(p.hidden, path)
		}
	})
	return images, err
}

// Add collects a file that does not have the name of an image.
func (p *Passed) Add(path string) {
	if isUnsupportedImageName(path) {
		p.unsupported = append(p.unsupported, path)
	} else {
		p.other = append(p.other, path)
	}
}

// Notes reports each kind in a line, with the number and the first names.
func (p *Passed) Notes() (notes []string) {
	add := func(paths []string, format string) {
		if len(paths) > 0 {
			notes = append(notes, fmt.Sprintf(format, len(paths), spell.Few(paths, maxNames)))
		}
	}
	add(p.unsupported, "passed over, pictures in formats that are not read: %d (%s): convert them to PNG or JPEG")
	add(p.broken, "passed over, links that lead nowhere: %d (%s)")
	add(p.loops, "passed over, links to a folder that they are in: %d (%s)")
	add(p.other, "passed over, files that are not images: %d (%s)")
	add(p.hidden, "passed over, hidden files and those of the system: %d (%s)")
	return notes
}
