package prepare

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/runner/data"
	"dtl-tf/runner/prepare/opencv"
)

// retinaSet is the data of Kaggle's competition Diabetic Retinopathy Detection of 2015. The solution, published afterwards, has the
// labels of its test images: the public ones are TFDS's validation split, the private ones its test split. The key of an image is its
// name without the extension.
var retinaSet = &authorSet{
	dataset: "diabetic_retinopathy_detection",
	title:   "Diabetic Retinopathy Detection",
	files: []authorFile{
		{name: "train.zip"}, {name: "test.zip"}, {name: "trainLabels.csv"},
		{"retinopathy_solution.csv", 1181257, "a6af3d66804e81887da89b9261bcfb7da4f5bacedb070f1b5db83fa879ab60c9"},
	},
	common: []string{"train.zip", "test.zip"},
	mark:   func(name string) bool { return below(name, retinaTrain, retinaTest) != "" },
	open:   openRecords(func() rules { return retina{texts{}} }),
}

const (
	retinaTrain = "trainLabels.csv"
	retinaTest  = "retinopathy_solution.csv"
)

type retina struct{ texts }

func (r retina) canon(name string) string {
	if base := path.Base(name); base == retinaTrain || base == retinaTest {
		return base
	}
	if name = below(name, "train/", "test/"); path.Ext(name) == ".jpeg" && strings.Count(name, "/") == 1 {
		return name
	}
	return ""
}

func (r retina) result(_ string, missing func(string) error) (map[string][]record, []string, error) {
	records := map[string][]record{}
	for _, table := range []struct{ file, folder string }{{retinaTrain, "train/"}, {retinaTest, "test/"}} {
		content, ok := r.texts[table.file]
		if !ok {
			return nil, nil, missing(table.file)
		}
		err := readLevels(content, table.file == retinaTest, func(image, usage string, level int) {
			split := map[string]string{"": "train", "Public": "validation", "Private": "test"}[usage]
			records[split] = append(records[split], record{key: image, label: level, image: table.folder + image + ".jpeg"})
		})
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", table.file, err)
		}
	}
	return records, nil, nil
}

// readLevels reads the columns image and level, and Usage if there is one, of a table whose first line names them.
func readLevels(content string, used bool, row func(image, usage string, level int)) error {
	r := csv.NewReader(strings.NewReader(content))
	head, err := r.Read()
	if err != nil {
		return err
	}
	column := func(name string) int { return slices.Index(head, name) }
	if column("image") < 0 || column("level") < 0 || used != (column("Usage") >= 0) {
		return fmt.Errorf("its columns are %q, want image and level, and Usage in %s only", head, retinaTest)
	}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := r.FieldPos(0)
		image, usage := fields[column("image")], ""
		level, err := strconv.Atoi(fields[column("level")])
		if err != nil || level < 0 || level > 4 || image == "" || strings.ContainsAny(image, `/\`) {
			return fmt.Errorf("line %d, %.80q, has no image and level from 0 to 4", line, strings.Join(fields, ","))
		}
		if used {
			if usage = fields[column("Usage")]; usage != "Public" && usage != "Private" {
				return fmt.Errorf("line %d: the Usage is %.20q, want Public or Private", line, usage)
			}
		}
		row(image, usage, level)
	}
}

// The processing of TFDS's btgraham-300, after the winner of the competition (B. Graham 2015).
const (
	eyeRadius   = 300 // pixels, after scaling
	eyeSigma    = 10  // of the local average that is subtracted
	eyeKept     = 270 // pixels: the radius outside of which the image is grey
	eyeQuality  = 72  // of JPEG
	eyeContrast = 4
)

func (r retina) convert(p raster) ([]byte, error) {
	m, err := graham(opencv.Image{Pix: p.pix, Height: p.height, Width: p.width})
	if err != nil {
		return nil, err
	}
	return encodeJPEG(raster{m.Pix, m.Height, m.Width}, eyeQuality)
}

func (r retina) pixels() string {
	return "processed as TFDS's btgraham-300 and stored as JPEG of quality 72, to within the rounding of JPEG"
}

// graham scales the eyeball to a radius of 300 pixels, subtracts the local average and cuts out the inner 270 pixels.
func graham(m opencv.Image) (opencv.Image, error) {
	factor := eyeRadius / radiusOf(m)
	h, w := opencv.ScaledSize(m.Height, m.Width, factor)
	if h < 1 || w < 1 || h > data.MaxPixels/4/w {
		return m, fmt.Errorf("the radius of the eyeball seems to be %.1f of %d x %d pixels: the image is damaged", eyeRadius/factor, m.Width, m.Height)
	}
	m = opencv.Resize(m, factor)
	blurred := opencv.Blur(m, eyeSigma)
	mask := opencv.Disc(h, w, eyeKept)
	top, left := max(h/2-eyeKept, 0), max(w/2-eyeKept, 0)
	out := opencv.New(min(h/2+eyeKept, h)-top, min(w/2+eyeKept, w)-left)
	for y := range out.Height {
		for x := range out.Width {
			at := (y+top)*w + x + left
			for c := range 3 {
				v := 128
				if mask[at] {
					v += eyeContrast * (int(m.Pix[3*at+c]) - int(blurred.Pix[3*at+c]))
				}
				out.Pix[3*(y*out.Width+x)+c] = uint8(min(max(v, 0), 255))
			}
		}
	}
	return out, nil
}

// radiusOf returns half the number of pixels in the middle row that are brighter than a tenth of its mean, or half the height of an
// image without any.
func radiusOf(m opencv.Image) float64 {
	sums, total := make([]int, m.Width), 0
	row := m.Pix[3*m.Width*(m.Height/2):]
	for x := range sums {
		sums[x] = int(row[3*x]) + int(row[3*x+1]) + int(row[3*x+2])
		total += sums[x]
	}
	limit := float64(total) / float64(m.Width) / 10
	bright := 0
	for _, sum := range sums {
		if float64(sum) > limit {
			bright++
		}
	}
	if bright < 2 {
		return float64(m.Height) / 2
	}
	return float64(bright) / 2
}
