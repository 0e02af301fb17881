package prepare

import (
	"crypto/md5"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"

	"dtl-tf/runner/prepare/opencv"
)

// sunSet is SUN397 (Xiao et al. 2010). TFDS's split is random and stored only in TFDS; sunTable tells which images are in VTAB-1k's
// lists. The key of an image is its path, such as /a/abbey/sun_aaaulhwrhqgejnyt.jpg.
var sunSet = &authorSet{
	dataset: "sun397",
	title:   "SUN397",
	files:   []authorFile{{"SUN397.tar.gz", 39077296924, "f404130965a7ad77bed5ececc71e720ab50f3cc1e1bb257257610d38f3b928ec"}},
	mark:    func(name string) bool { return below(name, "SUN397/") != "" && sunPath(name) != "" },
	open:    openRecords(func() rules { return &sun{table: sunTable(), images: map[string][]string{}} }),
}

// sunFile has the first four bytes of the MD5 of each path in train800, in val200 and in test, sorted within each list. It was made
// by scripts/make_sun397_table.py.
//
//go:embed sun397.bin
var sunFile []byte

// sunTable returns the short digests by split. Tests replace it.
var sunTable = func() map[string][]uint32 {
	var all []uint32
	for b := range slices.Chunk(sunFile, 4) {
		all = append(all, binary.BigEndian.Uint32(b))
	}
	return map[string][]uint32{"train": all[:800], "validation": all[800:1000], "test": all[1000:]}
}

func sunDigest(key string) uint32 {
	sum := md5.Sum([]byte(key))
	return binary.BigEndian.Uint32(sum[:])
}

type sun struct {
	table  map[string][]uint32
	images map[string][]string // paths by class
}

var sunKey = regexp.MustCompile(`^/[a-z]/[a-z0-9_]+(/[a-z0-9_]+)?/sun_[a-z0-9]+\.jpg$`)

// sunPath returns the path of an image below SUN397, with a slash before it.
func sunPath(name string) string {
	if in := below(name, "SUN397/"); in != "" {
		name = strings.TrimPrefix(in, "SUN397/")
	}
	if name = "/" + name; sunKey.MatchString(name) {
		return name
	}
	return ""
}

func (s *sun) canon(name string) string { return sunPath(name) }

func (s *sun) file(name string, _ int64, _ io.Reader) error {
	class := path.Dir(name)
	s.images[class] = append(s.images[class], name)
	return nil
}

func (s *sun) result(_ string, missing func(string) error) (map[string][]record, []string, error) {
	if len(s.images) == 0 {
		return nil, nil, missing("SUN397/a/abbey/")
	}
	classes := slices.Sorted(maps.Keys(s.images))
	if err := checkClasses("SUN397", len(classes), tasks()["sun397"].classes); err != nil {
		return nil, nil, err
	}
	records := map[string][]record{}
	for label, class := range classes {
		for _, name := range s.images[class] {
			for split, digests := range s.table {
				if _, in := slices.BinarySearch(digests, sunDigest(name)); in {
					records[split] = append(records[split], record{key: name, label: label, image: name})
				}
			}
		}
	}
	s.images = nil // most of which are in no list
	return records, classes, nil
}

// counts implements counter: only the images of the lists are known.
func (s *sun) counts() map[string]int {
	return map[string]int{"train": len(s.table["train"]), "validation": len(s.table["validation"]), "test": len(s.table["test"])}
}

// whole implements excerpt.
func (s *sun) whole() map[string]int { return published("sun397") }

// sunPixels is the largest number of pixels of an image.
const sunPixels = 120_000

func (s *sun) convert(p raster) ([]byte, error) {
	if n := p.height * p.width; n > sunPixels {
		factor := math.Sqrt(float64(sunPixels) / float64(n))
		if h, w := opencv.ScaledSize(p.height, p.width, factor); h < 1 || w < 1 {
			return nil, fmt.Errorf("an image of %d x %d pixels is too narrow to be scaled", p.width, p.height)
		}
		m := opencv.Resize(opencv.Image{Pix: p.pix, Height: p.height, Width: p.width}, factor)
		p = raster{m.Pix, m.Height, m.Width}
	}
	return encodeJPEG(p, 95)
}

func (s *sun) pixels() string {
	return "scaled to at most 120,000 pixels and stored as JPEG of quality 95, as TFDS does, to within the rounding of JPEG"
}
