package data

import (
	"context"
	"fmt"
	"io"

	"dtl-tf/graph/jpeg"
	"dtl-tf/graph/limit"
	"dtl-tf/graph/spell"
)

// Survey names images with properties that users should know.
type Survey struct {
	Grey16 []string // 16-bit grey images, whose values differ from Pillow's
	Turned []string // images whose EXIF orientation asks for rotation or mirroring

	Upright bool // they are turned, not used as stored
}

// Look surveys images, each file once, by the first bytes of their files; images says how they are used. It passes over unreadable
// files, which loaders report; its error is that of ctx.
func Look(ctx context.Context, items []Item, images Images) (s Survey, err error) {
	s.Upright = images.Upright
	traits := make([]trait, len(items))
	if err := parallel(len(items), func(i int) error {
		traits[i] = traitOf(items[i].Path)
		return ctx.Err()
	}); err != nil {
		return s, err
	}
	seen := map[string]bool{} // a list may name a file twice
	for i, t := range traits {
		if seen[items[i].Path] {
			continue
		}
		seen[items[i].Path] = true
		if t.grey16 {
			s.Grey16 = append(s.Grey16, items[i].Name)
		}
		if t.turned {
			s.Turned = append(s.Turned, items[i].Name)
		}
	}
	return s, nil
}

// Notes reports each kind in a line, with the number and the first names.
func (s Survey) Notes() (notes []string) {
	if n := len(s.Grey16); n > 0 {
		notes = append(notes, fmt.Sprintf("16-bit grey images: %d (%s): they keep their high byte, where Pillow's convert(\"RGB\") makes "+
			"them nearly white: results of programs that use it differ", n, spell.Few(s.Grey16, maxNames)))
	}
	if n := len(s.Turned); n > 0 && s.Upright {
		notes = append(notes, fmt.Sprintf("images with an EXIF orientation other than upright: %d (%s): they are turned upright (--exif)",
			n, spell.Few(s.Turned, maxNames)))
	} else if n > 0 {
		notes = append(notes, fmt.Sprintf("images with an EXIF orientation other than upright: %d (%s): they are used as stored; "+
			"rotate them first, for example with 'magick mogrify -auto-orient NAME', or train with --exif on", n, spell.Few(s.Turned, maxNames)))
	}
	return notes
}

type trait struct{ grey16, turned bool }

// headBytes holds two JPEG segments of the largest size: the orientation is in the first or the second.
const headBytes = 1<<17 + 1<<10

func traitOf(path string) (t trait) {
	f, err := limit.Open(path)
	if err != nil {
		return t
	}
	defer f.Close()
	head := make([]byte, 64)
	n, _ := io.ReadFull(f, head)
	head = head[:n]
	switch {
	case jpeg.Is(head):
		head, _ = io.ReadAll(io.NewSectionReader(f, 0, headBytes))
		t.turned = orientation(jpeg.Exif(head)) != upright
	case hasPrefix(magicPNG)(head):
		t.grey16 = isGrey16(head)
		t.turned = orientation(exifOfPNG(f)) != upright
	case byteOrder(head) != nil:
		d, err := directoryOf(f)
		t.grey16 = err == nil && d.isGrey16()
	case isWebP(head):
		t.turned = orientation(exifOfWebP(f)) != upright
	}
	return t
}
