package prepare

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/prepare/opencv"
)

// eyeball is the picture of scripts/make_opencv_vectors.py.
func eyeball(height, width, radius int) opencv.Image {
	m := opencv.New(height, width)
	if radius == 0 {
		return m
	}
	for i := range m.Pix {
		c, x, y := i%3, i/3%width, i/3/width
		m.Pix[i] = 2
		if (x-width/2)*(x-width/2)+(y-height/2)*(y-height/2) <= radius*radius {
			m.Pix[i] = uint8(x*7+y*13+c*50+x*y/5+x/9%2*90)/2 + 60
		}
	}
	return m
}

// TestGraham compares with TFDS's processing by OpenCV, bit for bit.
func TestGraham(t *testing.T) {
	var all map[string][]struct {
		From          [3]int
		Height, Width int
		SHA256        string
	}
	expect.NoError(t, json.Unmarshal(read(t, filepath.Join("opencv", "testdata", "expect.json")), &all))
	if len(all["retina"]) != 5 {
		t.Fatalf("%d pictures", len(all["retina"]))
	}
	for _, want := range all["retina"] {
		m, err := graham(eyeball(want.From[0], want.From[1], want.From[2]))
		expect.NoError(t, err)
		sum := sha256.Sum256(m.Pix)
		if m.Height != want.Height || m.Width != want.Width || hex.EncodeToString(sum[:]) != want.SHA256 {
			t.Errorf("%+v: %d x %d with sum %x", want, m.Width, m.Height, sum)
		}
	}
	narrow := opencv.New(3000, 3000)
	copy(narrow.Pix[3*3000*1500:], bytes.Repeat([]byte{255}, 9))
	if _, err := graham(narrow); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("an eyeball of three pixels: %v", err)
	}
}

// smallRetina has 20 training, 5 public and 6 private images.
func smallRetina(t *testing.T) (training, held files, tables files, wants map[string][]want) {
	t.Helper()
	training, held, wants = files{}, files{}, map[string][]want{}
	labels, solution := "image,level\n", "image,level,Usage\n"
	for i := range 31 {
		name, level := fmt.Sprintf("%d_%s", i/2+10, []string{"left", "right"}[i%2]), i*3%5
		m := eyeball(270, 280, 130+i%4)
		picture := image.NewRGBA(image.Rect(0, 0, 280, 270))
		for at := range 270 * 280 {
			copy(picture.Pix[4*at:], []byte{m.Pix[3*at], m.Pix[3*at+1], m.Pix[3*at+2], 255})
		}
		var b bytes.Buffer
		expect.NoError(t, jpeg.Encode(&b, picture, nil))
		split := "train"
		switch {
		case i < 20:
			training["train/"+name+".jpeg"] = b.String()
			labels += fmt.Sprintf("%s,%d\n", name, level)
		case i < 25:
			split = "validation"
			solution += fmt.Sprintf("%s,%d,Public\n", name, level)
		default:
			split = "test"
			solution += fmt.Sprintf("%s,%d,Private\n", name, level)
		}
		if i >= 20 {
			held["test/"+name+".jpeg"] = b.String()
		}
		wants[split] = append(wants[split], want{name, level, b.String()})
	}
	return training, held, files{retinaTrain: labels, retinaTest: solution}, wants
}

// TestRetina reads the zips, cut into parts as Kaggle publishes them, and the unpacked files.
func TestRetina(t *testing.T) {
	sized(t, map[string]int{"train": 20, "validation": 5, "test": 6})
	training, held, tables, wants := smallRetina(t)
	parts, unpacked := t.TempDir(), t.TempDir()
	for name, f := range map[string]files{"train.zip": training, "test.zip": held} {
		raw := read(t, f.zip(t, filepath.Join(t.TempDir(), name)))
		for i := range 3 {
			plant(t, filepath.Join(parts, fmt.Sprintf("%s.%03d", name, i+1)), raw[i*len(raw)/3:(i+1)*len(raw)/3])
		}
		f.folder(t, unpacked)
	}
	tables.folder(t, unpacked)
	plant(t, filepath.Join(parts, retinaTest), []byte(tables[retinaTest]))
	tables.without(retinaTest).zip(t, filepath.Join(parts, "trainLabels.csv.zip"))
	for _, from := range []string{parts, unpacked} {
		c := config(t, from, "diabetic_retinopathy")
		c.Train, c.Val, c.Test = 3, 1, 2
		r := prepared(t, c)
		if !strings.Contains(r.Pixels, "btgraham-300") || r.Counts["test"] != 2 || !strings.Contains(told(r), "checksum of retinopathy_solution.csv") {
			t.Errorf("record %+v", r)
		}
		names := sources(t, c.Out)
		for list, wanted := range map[string][]want{"train800": sorted("train", wants["train"])[:3], "val200": sorted("validation", wants["validation"])[:1], "test": sorted("test", wants["test"])[:2]} {
			for i, item := range items(t, c.Out, list) {
				if item.Label != wanted[i].label || !strings.HasSuffix(names[item.Name], "/"+wanted[i].key+".jpeg") {
					t.Fatalf("%s, image %d: %s with label %d, want %s with %d", list, i, names[item.Name], item.Label, wanted[i].key, wanted[i].label)
				}
				made, err := jpeg.Decode(bytes.NewReader(read(t, item.Path)))
				expect.NoError(t, err)
				if size := made.Bounds().Size(); size != image.Pt(540, 540) {
					t.Fatalf("%s is of size %v", item.Name, size)
				}
			}
		}
	}
}

func TestRetinaRefused(t *testing.T) {
	sized(t, map[string]int{"train": 20, "validation": 5, "test": 6})
	training, held, tables, _ := smallRetina(t)
	with := func(file, old, replacement string) string {
		root := t.TempDir()
		training.zip(t, filepath.Join(root, "train.zip"))
		held.zip(t, filepath.Join(root, "test.zip"))
		tables.with(file, strings.Replace(tables[file], old, replacement, 1)).folder(t, root)
		return root
	}
	cut := with(retinaTest, "", "")
	raw := read(t, filepath.Join(cut, "test.zip"))
	plant(t, filepath.Join(cut, "test.zip"), raw[:len(raw)/2])
	gap := with(retinaTest, "", "")
	plant(t, filepath.Join(gap, "train.zip.001"), raw)
	plant(t, filepath.Join(gap, "train.zip.003"), raw)
	for _, c := range []struct {
		name, from string
		want       []string
	}{
		{"one archive", training.zip(t, filepath.Join(t.TempDir(), "train.zip")), []string{retinaTrain, "missing", "give the folder", "retinopathy_solution.csv (1181257 bytes)"}},
		{"tables only", tables.folder(t, t.TempDir()), []string{".jpeg of Diabetic", "missing", "train.zip, test.zip"}},
		{"level 5", with(retinaTrain, "10_left,0", "10_left,5"), []string{retinaTrain, "line 2", "level from 0 to 4"}},
		{"a path", with(retinaTrain, "10_left,0", "../10_left,0"), []string{retinaTrain, "line 2"}},
		{"another usage", with(retinaTest, "Public", "public"), []string{retinaTest, "Public or Private"}},
		{"swapped tables", with(retinaTrain, tables[retinaTrain], tables[retinaTest]), []string{retinaTrain, "columns"}},
		{"a row too few", with(retinaTrain, "10_left,0\n", ""), []string{"split train has 19 images", "has 20"}},
		{"a row too many", with(retinaTrain, "10_left,0\n", "10_left,0\n99_left,0\n"), []string{"split train has 21 images"}},
		{"a cut zip", cut, []string{"test.zip", "is it complete"}},
		{"a missing part", gap, []string{"train.zip.002 is missing"}},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, config(t, c.from, "diabetic_retinopathy"), c.want...) })
	}
}
