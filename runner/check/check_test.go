package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
)

// picture is a PNG of stripes whose pattern the seed decides.
func picture(t *testing.T, seed, height, width int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			v, u := float64(y)/float64(height), float64(x)/float64(width)
			s := float64(seed)
			level := 128 + 100*math.Sin(s+7*u+s*3*v)*math.Cos(2*s+5*v-s*u)
			m.SetRGBA(x, y, color.RGBA{uint8(level), uint8(level), uint8(255 - level), 255})
		}
	}
	var b bytes.Buffer
	expect.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

func write(t *testing.T, root string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(root, name)
		expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		expect.NoError(t, os.WriteFile(path, content, 0o666))
	}
}

func vector(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "data", "testdata", name))
	expect.NoError(t, err)
	return content
}

// sound is a data set without fault: two classes of 12 images, and 2 for testing.
func sound(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for c, class := range []string{"cat", "dog"} {
		for i := range 14 {
			split := "train"
			if i >= 12 {
				split = "test"
			}
			write(t, root, map[string][]byte{filepath.Join(split, class, string(rune('a'+i))+".png"): picture(t, 20*c+i+1, 40, 48)})
		}
	}
	return root
}

func run(t *testing.T, folder string, asJSON bool) (string, error) {
	t.Helper()
	var out, notes bytes.Buffer
	err := Run(t.Context(), Config{Data: folder, JSON: asJSON}, runner.UI{Out: &out, Err: &notes})
	return strings.ReplaceAll(out.String(), folder, "ROOT"), err
}

// TestSound: a data set without fault gets a table and nothing else.
func TestSound(t *testing.T) {
	out, err := run(t, sound(t), false)
	expect.NoError(t, err)
	for _, text := range []string{"ROOT (class folders): 28 images of 2 classes; PNG 28; shorter sides of 40 to 40 pixels, median 40", "cat       12     2", "all       24     4", "nothing to remark"} {
		if !strings.Contains(out, text) {
			t.Errorf("no %q in\n%s", text, out)
		}
	}
}

// TestFindings: each fault is named with its file, and those that make results wrong are problems.
func TestFindings(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string][]byte
		links [][2]string
		want  []string // lines of the report
		count int      // problems
	}{
		"broken files": {
			files: map[string][]byte{"train/cat/0.png": nil, "train/cat/cut.png": picture(t, 3, 40, 48)[:300], "train/cat/page.jpg": []byte("<html>")},
			want: []string{"problem  train/cat/0.png: the file is empty", "problem  train/cat/cut.png: PNG image: ",
				`problem  train/cat/page.jpg: not an image in a known format`}, count: 3,
		},
		"a link to nothing": {links: [][2]string{{"gone", "train/cat/x.png"}}, want: []string{"problem  train/cat/x.png: "}, count: 1},
		"a loop":            {links: [][2]string{{"..", "train/cat/up"}}, want: []string{"passed over, links to a folder that they are in: 1 (ROOT/train/cat/up)"}},
		"two labels": {
			files: map[string][]byte{"train/dog/x.png": picture(t, 1, 40, 48)},
			want:  []string{"problem  train/dog/x.png: the same file as train/cat/a.png, but the labels are dog here and cat there"}, count: 1,
		},
		"two splits": {
			files: map[string][]byte{"test/cat/x.png": picture(t, 1, 40, 48)},
			want:  []string{"problem  test/cat/x.png: the same file as train/cat/a.png: results on test would count what train has seen"}, count: 1,
		},
		"twice": {
			files: map[string][]byte{"train/cat/x.png": picture(t, 1, 40, 48)},
			want:  []string{"remark   train/cat/x.png: the same file as train/cat/a.png: it counts twice"},
		},
		"alike": {
			files: map[string][]byte{"test/cat/x.png": picture(t, 1, 80, 96), "train/dog/y.png": picture(t, 2, 60, 72)},
			want: []string{"remark   test/cat/x.png: it looks like train/cat/a.png: if they show the same, results on test are too good",
				"remark   train/dog/y.png: it looks like train/cat/b.png, but the labels are dog here and cat there"},
		},
		"odd sizes": {
			files: map[string][]byte{"train/cat/tiny.png": picture(t, 50, 1, 1), "train/cat/long.png": picture(t, 51, 32, 200)},
			want:  []string{"pictures with a side below 32 pixels: 1 (train/cat/tiny.png: 1 x 1)", "pictures more than 3 times as long as wide: 1 (train/cat/long.png: 200 x 32)"},
		},
		"orientation and depth": {
			files: map[string][]byte{"train/cat/turned.jpg": vector(t, "exif6.jpg"), "train/cat/deep.png": vector(t, "grey16.png"), "train/dog/deep.tif": vector(t, "grey16_big.tif")},
			want: []string{"images with an EXIF orientation other than upright: 1 (train/cat/turned.jpg): they are turned upright (--exif)",
				"16-bit grey images: 2 (train/cat/deep.png, train/dog/deep.tif): "},
		},
		"foreign files": {
			files: map[string][]byte{"train/cat/.DS_Store": nil, "train/cat/Thumbs.db": nil, "train/cat/._a.png": nil, "train/desktop.ini": nil, "train/cat/notes.txt": nil, "train/dog/x.heic": nil},
			want: []string{"passed over, hidden files and those of the system: 4 (", "passed over, files that are not images: 1 (ROOT/train/cat/notes.txt)",
				"passed over, pictures in formats that are not read: 1 (ROOT/train/dog/x.heic)"},
		},
		"small and unbalanced": {
			files: map[string][]byte{"train/emu/1.png": picture(t, 60, 40, 48)},
			want: []string{"1 of 3 classes have fewer than 10 training images (emu: 1)", "1 of 3 classes (emu) have no image in test: they are not tested",
				"classes are unbalanced: emu has 1 training images and dog 12, 12 times as many"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := sound(t)
			write(t, root, c.files)
			for _, link := range c.links {
				expect.NoError(t, os.Symlink(link[0], filepath.Join(root, link[1])))
			}
			out, err := run(t, root, false)
			if (err != nil) != (c.count > 0) {
				t.Errorf("%d problems are wanted: %v", c.count, err)
			}
			for _, line := range c.want {
				if !strings.Contains(out, line) {
					t.Errorf("no %q in\n%s", line, out)
				}
			}
			if strings.Contains(out, "looks like") && name != "alike" {
				t.Errorf("copies of a file look alike too:\n%s", out)
			}
			text, _ := run(t, root, true)
			var r Report
			expect.NoError(t, json.Unmarshal([]byte(text), &r))
			if r.Problems != c.count || r.Layout != "class folders" || r.Classes[0].Name != "cat" || r.Classes[0].Images["train"] < 12 {
				t.Errorf("JSON: %+v", r)
			}
		})
	}
}

// TestLayouts: one level of class folders lacks a test split, and a table and lists are checked as folders are.
func TestLayouts(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string][]byte{"a/1.png": picture(t, 1, 40, 48), "b/2.png": picture(t, 2, 40, 48)})
	out, err := run(t, root, false)
	expect.NoError(t, err)
	if !strings.Contains(out, "fine-tune measures none either, as a has a single image: with two images of each class it sets 15 % aside") {
		t.Errorf("no word on the missing test split:\n%s", out)
	}
	more := t.TempDir()
	write(t, more, map[string][]byte{"a/1.png": picture(t, 1, 40, 48), "a/3.png": picture(t, 3, 40, 48), "b/2.png": picture(t, 2, 40, 48), "b/4.png": picture(t, 4, 40, 48)})
	if out, err = run(t, more, false); err != nil || !strings.Contains(out, "fine-tune sets 15 % of the images aside") {
		t.Errorf("%v: no word on the missing test split:\n%s", err, out)
	}
	write(t, root, map[string][]byte{"labels.csv": []byte("path,label\na/1.png,a\nb/2.png,b\n")})
	if out, err = run(t, filepath.Join(root, "labels.csv"), false); err != nil || !strings.Contains(out, "ROOT (table): 2 images of 2 classes") {
		t.Errorf("%v\n%s", err, out)
	}
	write(t, root, map[string][]byte{"train.txt": []byte("a/1.png 0\nb/2.png 0\n"), "c.jpg": vector(t, "exif6.jpg"), "test.txt": []byte("c.jpg 0\n")})
	out, err = run(t, root, false)
	expect.Error(t, err, "1 problem in "+root)
	for _, line := range []string{"problem  ROOT: there is one class: there is nothing to classify", "they are used as stored"} {
		if !strings.Contains(out, line) {
			t.Errorf("no %q in\n%s", line, out)
		}
	}
	out, err = run(t, filepath.Join(root, "none"), false)
	if expect.Error(t, err, "1 problem in ", "whose images were not looked at"); !strings.Contains(out, "problem  ROOT: data set ROOT does not exist: name a folder or a table") {
		t.Errorf("no folder:\n%s", out)
	}
	write(t, root, map[string][]byte{"bad.csv": []byte("path,label\na/1.png,a\ngone.png,b\n../2.png,b\n")})
	out, err = run(t, filepath.Join(root, "bad.csv"), false)
	expect.Error(t, err, "2 problems in ")
	for _, line := range []string{`problem  ROOT: line 4: path "../2.png" leaves the folder`, "problem  ROOT: line 3: stat "} {
		if !strings.Contains(out, line) {
			t.Errorf("no %q in\n%s", line, out)
		}
	}
}

// TestListedTwice: what lists name more than once is a finding, but not the union of train and val.
func TestListedTwice(t *testing.T) {
	files := map[string][]byte{}
	for i := range 6 {
		files[fmt.Sprintf("%d.png", i)] = picture(t, i+1, 40, 48)
	}
	for name, c := range map[string]struct {
		lists map[string]string
		want  []string
		count int
	}{
		"the union": {
			lists: map[string]string{"train800.txt": "0.png 0\n1.png 1\n", "val200.txt": "2.png 0\n", "train800val200.txt": "2.png 0\n0.png 0\n1.png 1\n", "test.txt": "3.png 1\n"},
			want:  []string{"(lists): 4 images of 2 classes", "all        2    1     1"},
		},
		"two splits": {
			lists: map[string]string{"train.txt": "0.png 0\n1.png 1\n", "test.txt": "1.png 1\n0.png 0\n"},
			want:  []string{"4 images of 2 classes", "problem  1.png: listed twice: results on test would count what train has seen", "problem  0.png: listed twice"}, count: 2,
		},
		"the union has test images": {
			lists: map[string]string{"train800val200.txt": "0.png 0\n1.png 1\n", "test.txt": "1.png 1\n3.png 0\n"},
			want:  []string{"problem  1.png: listed twice: results on train would count what test has seen"}, count: 1,
		},
		"two labels": {
			lists: map[string]string{"train.txt": "0.png 0\n1.png 1\n0.png 1\n", "test.txt": "3.png 1\n"},
			want:  []string{"problem  0.png: listed twice, but the labels are 1 here and 0 there: at least one is wrong"}, count: 1,
		},
		"the same line": {
			lists: map[string]string{"train.txt": "0.png 0\n1.png 1\n0.png 0\n", "test.txt": "3.png 1\n"},
			want:  []string{"remark   0.png: listed twice: it counts twice, remove one of them"},
		},
		"no test": {
			lists: map[string]string{"train.txt": "0.png 0\n1.png 1\n"},
			want:  []string{"there is no split test to measure accuracy on: fine-tune measures none, unless --test 0.15 sets 15 % of the training images aside"},
		},
		"no test, and a union": {
			lists: map[string]string{"train800.txt": "0.png 0\n1.png 1\n", "val200.txt": "2.png 0\n", "train800val200.txt": "2.png 0\n0.png 0\n1.png 1\n"},
			want:  []string{"there is no split test to measure accuracy on: fine-tune measures none\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, files)
			for list, lines := range c.lists {
				write(t, root, map[string][]byte{list: []byte(lines)})
			}
			out, err := run(t, root, false)
			if strings.Count(out, "problem  ") != c.count || (err != nil) != (c.count > 0) {
				t.Errorf("%d problems are wanted: %v\n%s", c.count, err, out)
			}
			for _, line := range c.want {
				if !strings.Contains(out, line) {
					t.Errorf("no %q in\n%s", line, out)
				}
			}
		})
	}
}

// TestSeveralLabels: a table in which images have any number of labels is counted class by class, and other labels of the same picture are
// problems. Without the loss it is refused, and with it class folders are.
func TestSeveralLabels(t *testing.T) {
	root := t.TempDir()
	files, table := map[string][]byte{}, "path,label,split\n"
	for i, labels := range []string{"cat", "cat|dog", "", "dog", "cat|dog|bird", "cat"} {
		name := string(rune('a'+i)) + ".png"
		files[name] = picture(t, i, 40, 50)
		split := "train"
		if i >= 4 {
			split = "test"
		}
		table += name + "," + labels + "," + split + "\n"
	}
	files["copy.png"] = files["b.png"]
	files["tags.csv"] = []byte(table + "copy.png,dog,train\n")
	write(t, root, files)
	run := func(c Config) (Report, string, error) {
		var out bytes.Buffer
		c.JSON = true
		err := Run(t.Context(), c, runner.UI{Out: &out, Err: &out, Quiet: true})
		var r Report
		_ = json.Unmarshal(out.Bytes(), &r)
		return r, out.String(), err
	}
	file := filepath.Join(root, "tags.csv")
	r, text, err := run(Config{Data: file, Loss: "bce"})
	expect.Error(t, err, "1 problem")
	counts := map[string][2]int{}
	for _, c := range r.Classes {
		counts[c.Name] = [2]int{c.Images["train"], c.Images["test"]}
	}
	if counts["cat"] != [2]int{2, 2} || counts["dog"] != [2]int{3, 1} || counts["bird"] != [2]int{0, 1} || r.Images != 7 || r.Splits["train"] != 5 {
		t.Errorf("%v in %s", counts, text)
	}
	for _, want := range []string{"images have 1.29 labels on average and 3 at most; without a label: 1", "the labels are dog here and cat|dog there", "1 of 3 classes (bird) have images in test but none in train"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	_, text, err = run(Config{Data: file})
	expect.Error(t, err, "whose images were not looked at")
	if !strings.Contains(text, "except with --loss bce") {
		t.Error(text)
	}
	_, _, err = run(Config{Data: sound(t), Loss: "bce"})
	expect.Error(t, err, "--loss bce is not possible with", "write a table")
	_, _, err = run(Config{Data: file, Loss: "mse"})
	expect.Error(t, err, "mse")
	expect.NoError(t, os.WriteFile(file, []byte("path,label\na.png,cat|\nb.png,cat\nc.png,dog\nmissing.png,dog|cat\n"), 0o666))
	_, text, err = run(Config{Data: file, Loss: "bce"})
	expect.Error(t, err, "2 problems")
	if !strings.Contains(text, "an empty label among 2") || !strings.Contains(text, "missing.png") {
		t.Error(text)
	}
}
