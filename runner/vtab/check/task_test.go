package check

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/finding"
	"dtl-tf/runner/internal/suite"
)

// set is a generated data set: labels cycle through the classes, images differ.
type set struct {
	dir   string
	lines map[string][]string // by list
}

func newSet(t *testing.T, dir string, classes, train, val, test int) set {
	t.Helper()
	s := set{dir: dir, lines: map[string][]string{}}
	for _, split := range []struct {
		list, folder string
		n            int
	}{{trainList, "train800", train}, {valList, "val200", val}, {testList, "test", test}} {
		for i := range split.n {
			name := fmt.Sprintf("images/%s/%06d.png", split.folder, i)
			s.file(t, name, picture(t, name, png.DefaultCompression))
			s.lines[split.list] = append(s.lines[split.list], fmt.Sprintf("%s %d", name, i%classes))
		}
	}
	s.lines[trainValList] = append(append([]string{}, s.lines[trainList]...), s.lines[valList]...)
	for list := range s.lines {
		s.list(t, list)
	}
	return s
}

// list writes a list.
func (s set) list(t *testing.T, name string) {
	t.Helper()
	s.file(t, name, []byte(strings.Join(s.lines[name], "\n")+"\n"))
}

func (s set) file(t *testing.T, name string, content []byte) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// buffers reuses the encoder's memory, whose allocation would dominate.
var buffers oneBuffer

type oneBuffer struct{ b *png.EncoderBuffer }

func (o *oneBuffer) Get() *png.EncoderBuffer  { return o.b }
func (o *oneBuffer) Put(b *png.EncoderBuffer) { o.b = b }

// picture makes a noisy PNG of 6 x 6 pixels from a name.
func picture(t *testing.T, name string, level png.CompressionLevel) []byte {
	t.Helper()
	seed := uint64(1)
	for _, b := range []byte(name) {
		seed = seed*131 + uint64(b)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	img := image.NewRGBA(image.Rect(0, 0, 6, 6))
	for i := range 36 {
		img.Set(i%6, i/6, color.RGBA{uint8(random.IntN(256)), uint8(random.IntN(256)), uint8(random.IntN(256)), 255})
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: level, BufferPool: &buffers}).Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFindings checks the findings, with their lines, for each kind of defect in a small data set. Its sizes are always wrong.
func TestFindings(t *testing.T) {
	toy := suite.Task{Folder: "toy", Classes: 3, Test: []int{6}}
	for _, c := range []struct {
		name     string
		change   func(s set)
		problems []string // each within one problem
		remarks  []string
	}{
		{name: "right", change: func(set) {}},
		{name: "CRLF, blank lines and a byte order mark", change: func(s set) {
			s.file(t, testList, []byte("\ufeff"+strings.Join(s.lines[testList][:3], "\r\n")+"\r\n\r\n \r\n"+strings.Join(s.lines[testList][3:], "\r\n")+"\r\n"))
		}, remarks: []string{"test.txt: lines end with CRLF", "test.txt line 4: 2 blank lines"}},
		{name: "bad lines", change: func(s set) {
			l := s.lines[testList]
			l[0], l[1], l[2], l[3], l[4], l[5] = filepath.Join(s.dir, "images/test/000000.png")+" 0", "../other/1.png 1", "images/test/000002.png 3", "images/test/000003.png -1", "images/test/000004.png x", "images/test/000005.png"
			s.list(t, testList)
		}, problems: []string{
			"test.txt line 1: path \"/", "images/test/000000.png\" leaves the data set's folder: want one relative to it", "test.txt line 2: path \"../other/1.png\" leaves", "test.txt line 3: label 3 is out of range: 3 classes have the labels 0 to 2",
			"test.txt line 4: label -1 is negative", "test.txt line 5: label \"x\"", "test.txt line 6: \"images/test/000005.png\": want a path and a label", "test.txt: the list has no image",
		}},
		{name: "a class without training images", change: func(s set) {
			for _, list := range []string{trainList, valList, trainValList} {
				for i, line := range s.lines[list] {
					s.lines[list][i] = strings.TrimSuffix(line, " 1") + map[bool]string{true: " 2"}[strings.HasSuffix(line, " 1")]
				}
				s.list(t, list)
			}
		}, problems: []string{"train800val200.txt: no image of class 1 of 3"}, remarks: []string{"train800.txt: no image of class 1 of 3"}},
		{name: "a class without test images", change: func(s set) {
			for i, line := range s.lines[testList] {
				s.lines[testList][i] = line[:len(line)-1] + "0"
			}
			s.list(t, testList)
		}, remarks: []string{"test.txt: no image of classes 1, 2 of 3"}},
		{name: "lists that do not join", change: func(s set) {
			s.lines[trainValList][0] = "images/test/000000.png 0"
			s.lines[trainValList][11] = s.lines[trainValList][11][:len(s.lines[trainValList][11])-1] + "1"
			s.list(t, trainValList)
		}, problems: []string{
			"train800.txt line 1: images/train800/000000.png with label 0 is not in train800val200.txt", "val200.txt line 4: images/val200/000003.png with label 0 is not in",
			"train800val200.txt line 1: images/test/000000.png with label 0 is neither in train800.txt nor in val200.txt", "train800val200.txt line 12: ",
			"test.txt line 1: images/test/000000.png is trained on too: the same file as",
		}},
		{name: "another copy of the joint list", change: func(s set) { // other names, the same images
			for i := range s.lines[trainValList] {
				from, label, _ := strings.Cut(s.lines[trainValList][i], " ")
				content, err := os.ReadFile(filepath.Join(s.dir, from))
				if err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprintf("images/train800val200/%06d.png", i)
				s.file(t, name, content)
				s.lines[trainValList][i] = name + " " + label
			}
			s.list(t, trainValList)
		}},
		{name: "missing", change: func(s set) {
			if os.Remove(filepath.Join(s.dir, "images/val200/000001.png")) != nil || os.Remove(filepath.Join(s.dir, valList)) != nil {
				t.Fatal("nothing to remove")
			}
		}, problems: []string{"val200.txt: the list is missing", "train800val200.txt line 10: ", "000001.png: no such file"}},
		{name: "no images", change: func(s set) {
			s.file(t, "images/test/000002.png", nil)
			s.file(t, "images/test/000003.png", []byte("hello world"))
			whole := picture(t, "cut", png.DefaultCompression)
			s.file(t, "images/train800/000000.png", whole[:len(whole)/2])
		}, problems: []string{"test.txt line 3: image ", "the file is empty", "test.txt line 4: image ", "not an image in a known format", "train800.txt line 1: image "}},
		{name: "deep and turned", change: func(s set) {
			for name, from := range map[string]string{"images/test/000002.png": "grey16.png", "images/train800/000001.png": "exif.png"} {
				content, err := os.ReadFile(filepath.Join("..", "..", "data", "testdata", from))
				if err != nil {
					t.Fatal(err)
				}
				s.file(t, name, content)
			}
		}, remarks: []string{"16-bit grey images: 1 (images/test/000002.png): ", "other than upright: 1 (images/train800/000001.png): "}},
		{name: "trained and tested on", change: func(s set) {
			s.file(t, "images/test/000001.png", picture(t, "images/train800/000004.png", png.DefaultCompression))
			s.file(t, "images/test/000003.png", picture(t, "images/val200/000000.png", png.NoCompression))
		}, problems: []string{
			"test.txt line 2: images/test/000001.png is trained on too: the same file as ", "train800val200.txt line 5 (images/train800/000004.png, label 1)",
			"test.txt line 4: images/test/000003.png is trained on too: the same pixels as ", "train800val200.txt line 9 (images/val200/000000.png, label 0)",
		}},
		{name: "twice", change: func(s set) {
			s.file(t, "images/test/000004.png", picture(t, "images/test/000003.png", png.NoCompression))
			s.lines[trainList][7] = s.lines[trainList][0]
			s.lines[trainValList][7] = s.lines[trainValList][0]
			s.list(t, trainList)
			s.list(t, trainValList)
		}, problems: []string{"train800.txt line 8: images/train800/000000.png is in line 1 already", "train800val200.txt line 8: "},
			remarks: []string{"test.txt line 5: images/test/000004.png is twice in the list: the same pixels as ", "test.txt line 4 (images/test/000003.png, but label 0 there and 1 here)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSet(t, filepath.Join(t.TempDir(), "toy"), 3, 8, 4, 6)
			c.change(s)
			r, err := checkTask(context.Background(), toy, s.dir, data.Images{Size: 6}.Load, func(int) func(int) { return func(int) {} })
			if err != nil {
				t.Fatal(err)
			}
			got := map[bool][]string{}
			for _, f := range r.Findings {
				if !strings.Contains(f.Text, "VTAB-1k has") {
					got[f.Problem] = append(got[f.Problem], f.Where+": "+f.Text)
				}
			}
			for problem, want := range map[bool][]string{true: c.problems, false: c.remarks} {
				text := strings.Join(got[problem], "\n")
				for _, w := range want {
					if !strings.Contains(text, w) {
						t.Errorf("problem %v: none says %q:\n%s", problem, w, text)
					}
				}
				if len(want) == 0 && text != "" {
					t.Errorf("problem %v: want none:\n%s", problem, text)
				}
			}
			if strings.Contains(c.name, "missing") != (r.Fingerprint == "") && c.name != "bad lines" {
				t.Errorf("fingerprint %q", r.Fingerprint)
			}
		})
	}
}

// TestCounts checks the numbers of the table.
func TestCounts(t *testing.T) {
	s := newSet(t, filepath.Join(t.TempDir(), "toy"), 3, 8, 4, 30)
	for i := range 25 { // more than finding.MaxListed
		if err := os.Remove(filepath.Join(s.dir, fmt.Sprintf("images/test/%06d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	s.file(t, "images/test/000026.png", picture(t, "images/train800/000000.png", png.NoCompression))
	s.file(t, "images/test/000028.png", picture(t, "images/test/000027.png", png.NoCompression))
	toy := suite.Task{Folder: "toy", Classes: 5, Test: []int{30}}
	r, err := checkTask(context.Background(), toy, s.dir, data.Images{Size: 6}.Load, func(int) func(int) { return func(int) {} })
	if err != nil {
		t.Fatal(err)
	}
	// 25 missing, 1 shared, 3 sizes of train lists, 2 classes never trained on (one finding).
	if r.Unreadable != 25 || r.Shared != 1 || r.Twice != 1 || r.Seen != 3 || r.Problems != 30 || r.Fingerprint != "" {
		t.Errorf("%d unreadable, %d shared, %d twice, %d seen, %d problems, fingerprint %q", r.Unreadable, r.Shared, r.Twice, r.Seen, r.Problems, r.Fingerprint)
	}
	listed := 0
	for _, f := range r.Findings {
		if strings.Contains(f.Text, "no such file") {
			listed++
		}
		if strings.Contains(f.Text, "15 more: files that are missing") && !strings.HasSuffix(f.Where, "test.txt line 25") {
			t.Errorf("the last missing file is said to be at %s", f.Where)
		}
	}
	if listed != finding.MaxListed || !strings.Contains(fmt.Sprint(r.Findings), "the last of 15 more: files that are missing") {
		t.Errorf("%d are listed:\n%v", listed, r.Findings)
	}
}

// TestReadsAsTraining feeds odd lists to the checker and to the trainer's reader: both accept a list or neither does, with the same
// images and labels, and the first bad line has the same message.
func TestReadsAsTraining(t *testing.T) {
	const image = "images/test/000000.png"
	s := newSet(t, filepath.Join(t.TempDir(), "toy"), 3, 8, 4, 6)
	for _, name := range []string{"a b.png", "a  b.png", "é.png", "a\u00a0b.png", "1 2"} {
		s.file(t, name, picture(t, name, png.DefaultCompression))
	}
	for _, list := range []string{
		image + " 0", image + "\t0", image + " \t 0", "  " + image + " 0  \n", image + " 0\r\n" + image + " 1\r", "\ufeff" + image + " 0",
		"\ufeff\ufeff" + image + " 0", image + " 0\n\ufeff" + image + " 0", "\n \n\t\n" + image + " 0\n\n", "\r" + image + " 0", image + " 0\r" + image + " 1", "", "\n", "\ufeff", "\r\n\r\n",
		"a b.png 0", "a  b.png 0", "é.png 1", "a\u00a0b.png 0", "1 2 2", "\"a b.png\" 0", image + "\u00a00", image + " 0\u00a0", image + " 0\u2003", image + "\v0", image + " 0 # cat",
		image, "0", " 0", image + " ", image + ",0", image + " +1", image + " -0", image + " 01", image + " 0x1", image + " 1_0", image + " 1e0", image + " 1.0", image + " ١",
		image + " 2", image + " 3", image + " -1", image + " 99999999999999999999", image + " 99999", image + " 100000",
		"./" + image + " 0", "images//test/000000.png 0", "images/../" + image + " 0", "../toy/" + image + " 0", "/" + image + " 0", filepath.Join(s.dir, image) + " 0",
		`images\test\000000.png 0`, `C:\images 0`, ". 0", "images 0", "images/gone.png 0", image + "/ 0", "a\x00b 0", "\xff\xfe 0", "# comment\n" + image + " 0", image + " 0\nbad\n" + image + " 7",
		strings.Repeat("x", 1<<16-2) + " 0", strings.Repeat("x", 1<<20), image + " " + strings.Repeat("0", 1<<16), image + strings.Repeat(" ", 1<<17) + "0",
	} {
		s.file(t, testList, []byte(list))
		var items []data.Item
		set, trained := data.OpenClasses(s.dir, 3)
		if trained == nil {
			items, trained = set.Split(data.Test)
		}
		var f finding.List
		l := readList(s.dir, testList, 3, &f)
		var bad []finding.Finding
		for _, one := range f.All() {
			if one.Problem && !strings.Contains(one.Text, "already, with label") {
				bad = append(bad, one)
			}
		}
		for _, e := range l.entries {
			if info, err := os.Stat(e.Path); err != nil || !info.Mode().IsRegular() {
				bad = append(bad, finding.Finding{Where: e.where()})
			}
		}
		switch {
		case (trained == nil) != (len(bad) == 0):
			t.Errorf("%.80q: training says %v, the checker %v", list, trained, bad)
		case trained == nil && !slices.EqualFunc(items, l.entries, func(i data.Item, e entry) bool {
			return i.Path == e.Path && i.Name == e.Name && i.Label == e.Label
		}):
			t.Errorf("%.80q: training reads %v, the checker %v", list, items, l.entries)
		case trained != nil && strings.Contains(bad[0].Where, " line ") && !strings.HasPrefix(trained.Error(), bad[0].Where+": "+bad[0].Text):
			t.Errorf("%.80q: training says %v, the checker %v", list, trained, bad[0])
		}
	}
}
