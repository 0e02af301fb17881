package prepare

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/prepare/order"
)

type cifarExpectations struct {
	CIFAR10, CIFAR100, DSprites map[string][]expectation
}

// TestCIFAR checks the pixels and labels from the four archives, packed and unpacked, for the rows in VTAB-1k's slices.
func TestCIFAR(t *testing.T) {
	var want cifarExpectations
	expectations(t, "expect.json", &want)
	for _, c := range []struct {
		file, task string
		rows       map[string][]expectation
		first      string
	}{
		{"cifar-10-python.tar.gz", "cifar10", want.CIFAR10, "airplane"},
		{"cifar-10-binary.tar.gz", "cifar10", want.CIFAR10, "airplane"},
		{"cifar-100-python.tar.gz", "cifar", want.CIFAR100, "class_00"},
		{"cifar-100-binary.tar.gz", "cifar", want.CIFAR100, "class_00"},
	} {
		// 40 rows: 90 percent are 36.
		train, test := order.Rows("train", 40), order.Rows("test", len(c.rows["test"]))
		pick := func(split string, rows []int) (images []expectation) {
			for _, row := range rows {
				images = append(images, c.rows[split][row])
			}
			return images
		}
		for _, from := range []string{filepath.Join("testdata", c.file), unpack(t, filepath.Join("testdata", c.file))} {
			t.Run(c.file, func(t *testing.T) {
				conf := config(t, from, "anything")
				r := prepared(t, conf)
				check(t, conf.Out, "train800", pick("train", train[:10]), sumPixels)
				check(t, conf.Out, "val200", pick("train", train[36:39]), sumPixels)
				check(t, conf.Out, "test", pick("test", test), sumPixels)
				classes, err := os.ReadFile(filepath.Join(conf.Out, "classes.txt"))
				expect.NoError(t, err)
				if r.Task != c.task || r.ClassNames[0] != c.first || strings.Count(string(classes), "\n") != r.Classes {
					t.Errorf("task %s, classes %q", r.Task, classes)
				}
				if strings.HasSuffix(from, ".gz") && !strings.Contains(strings.Join(r.Remarks, " "), "checksum of "+c.file) {
					t.Errorf("no remark on the checksum: %q", r.Remarks)
				}
			})
		}
	}
}

// unpack writes the files of an archive into a folder.
func unpack(t *testing.T, file string) string {
	t.Helper()
	folder := t.TempDir()
	repack(t, file, func(h *tar.Header, content []byte) (*tar.Header, []byte) {
		path := filepath.Join(folder, filepath.FromSlash(h.Name))
		expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		expect.NoError(t, os.WriteFile(path, content, 0o666))
		return h, content
	})
	return folder
}

// repack copies an archive with changed entries; a nil header drops one.
func repack(t *testing.T, file string, how func(*tar.Header, []byte) (*tar.Header, []byte)) string {
	t.Helper()
	f, err := os.Open(file)
	expect.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	expect.NoError(t, err)
	in := tar.NewReader(z)
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	out := tar.NewWriter(zipped)
	for {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		expect.NoError(t, err)
		content, err := io.ReadAll(in)
		expect.NoError(t, err)
		if h, content = how(h, content); h == nil {
			continue
		}
		h.Size = int64(len(content))
		expect.NoError(t, out.WriteHeader(h))
		_, err = out.Write(content)
		expect.NoError(t, err)
	}
	expect.NoError(t, out.Close())
	expect.NoError(t, zipped.Close())
	path := filepath.Join(t.TempDir(), filepath.Base(file))
	expect.NoError(t, os.WriteFile(path, b.Bytes(), 0o666))
	return path
}

// TestCIFARRefused checks that errors of damaged archives name file and entry.
func TestCIFARRefused(t *testing.T) {
	python, binary := filepath.Join("testdata", "cifar-100-python.tar.gz"), filepath.Join("testdata", "cifar-100-binary.tar.gz")
	edit := func(file, name string, how func([]byte) []byte) string {
		return repack(t, file, func(h *tar.Header, content []byte) (*tar.Header, []byte) {
			if strings.HasSuffix(h.Name, "/"+name) {
				if content = how(content); content == nil {
					return nil, nil
				}
			}
			return h, content
		})
	}
	raw, err := os.ReadFile(python)
	expect.NoError(t, err)
	store := func(b []byte) string {
		path := filepath.Join(t.TempDir(), "cifar-100-python.tar.gz")
		expect.NoError(t, os.WriteFile(path, b, 0o666))
		return path
	}
	wrong := slices.Clone(raw)
	wrong[len(wrong)-6] ^= 1 // gzip's checksum
	evil, err := os.ReadFile(filepath.Join("testdata", "evil.pickle"))
	expect.NoError(t, err)
	for _, c := range []struct {
		name, file string
		want       []string
	}{
		{"cut off", store(raw[:len(raw)/2]), []string{"cifar-100-python.tar.gz", "cut off"}},
		{"a checksum", store(wrong), []string{"cifar-100-python.tar.gz", "checksum"}},
		{"no file", store(nil), []string{"is empty"}},
		{"no archive", store([]byte("<html>Not found</html>")), []string{"neither a folder nor an archive"}},
		{"a program", edit(python, "test", func([]byte) []byte { return evil }), []string{"cifar-100-python/test", "system, which is refused"}},
		{"a cut pickle", edit(python, "train", func(b []byte) []byte { return b[:1000] }), []string{"cifar-100-python/train", "cut off"}},
		{"other labels", edit(python, "train", func(b []byte) []byte { return bytes.Replace(b, []byte("fine_"), []byte("good_"), 1) }), []string{"cifar-100-python/train", `"fine_labels"`}},
		{"no test", edit(python, "test", func([]byte) []byte { return nil }), []string{"test is missing"}},
		{"no names", edit(binary, "fine_label_names.txt", func([]byte) []byte { return nil }), []string{"fine_label_names.txt is missing"}},
		{"few names", edit(binary, "fine_label_names.txt", func(b []byte) []byte { return b[:90] }), []string{"fine_label_names.txt names 10 classes, want 100"}},
		{"a cut record", edit(binary, "train.bin", func(b []byte) []byte { return b[:len(b)-1] }), []string{"train.bin", "record 39 is cut off"}},
		{"a label", edit(binary, "train.bin", func(b []byte) []byte { b[1] = 100; return b }), []string{"train.bin", "row 0", "label 100"}},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, config(t, c.file, "cifar"), c.want...) })
	}
	conf := config(t, python, "cifar")
	conf.Link = true
	refused(t, conf, "--link")
	conf = config(t, python, "cifar")
	conf.Val = 5
	refused(t, conf, "too few images", "there are 4 for --val 5")
}

// TestSprites prepares an .npz that numpy wrote.
func TestSprites(t *testing.T) {
	spriteRows = 1100
	defer func() { spriteRows = 737280 }()
	var want cifarExpectations
	expectations(t, "expect.json", &want)
	c := config(t, filepath.Join("testdata", "dsprites.npz"), "dsprites_loc")
	r := prepared(t, c)
	rows := order.Rows("train", 1100)
	pick := func(rows []int) (images []expectation) {
		for _, row := range rows {
			images = append(images, want.DSprites["train"][row])
		}
		return images
	}
	verify := func(c Config, r *Record, source string) {
		t.Helper()
		check(t, c.Out, "train800", pick(rows[:10]), sumPixels)
		check(t, c.Out, "val200", pick(rows[880:883]), sumPixels)
		check(t, c.Out, "test", pick(rows[990:]), sumPixels)
		if len(r.Sources) != 1 || r.Sources[0].Name != source || r.Classes != 16 {
			t.Errorf("record: %+v", r)
		}
	}
	verify(c, r, "dsprites.npz")
	// The HDF5 file that h5py wrote has the same images, under any name, and under its own in a folder.
	h := config(t, filepath.Join("testdata", "dsprites.hdf5"), "dsprites_loc")
	verify(h, prepared(t, h), "dsprites.hdf5")
	folder := t.TempDir()
	content := read(t, h.From)
	expect.NoError(t, os.WriteFile(filepath.Join(folder, spriteHDF5), content, 0o666))
	h = config(t, folder, "dsprites_loc")
	r = prepared(t, h)
	verify(h, r, spriteHDF5)
	if !strings.Contains(told(r), "checksum of "+spriteHDF5) {
		t.Errorf("no remark on another checksum: %q", r.Remarks)
	}
	h.From = filepath.Join(folder, spriteHDF5)
	for _, c := range []struct {
		content []byte
		words   []string
	}{
		{content[:len(content)-1000], []string{spriteHDF5, "cut off"}},
		{read(t, filepath.Join("hdf5", "testdata", "chunked.h5")), []string{spriteHDF5, "no array \"imgs\""}},
		{bytes.Replace(content, []byte("@\x00\x00\x00\x00\x00\x00\x00@"), []byte("A\x00\x00\x00\x00\x00\x00\x00@"), 1), []string{spriteHDF5, "[1100 65 64]"}},
	} {
		expect.NoError(t, os.WriteFile(h.From, c.content, 0o666))
		refused(t, Config{From: h.From, Out: filepath.Join(t.TempDir(), "dsprites_loc"), Train: 10, Val: 3, Test: -1}, c.words...)
	}
	refused(t, config(t, filepath.Join("testdata", "dsprites.npz"), "sprites"), "--task is required", "dsprites_loc and dsprites_ori")
	spriteRows = 737280
	refused(t, config(t, filepath.Join("testdata", "dsprites.npz"), "dsprites_loc"), "dsprites.npz", "imgs.npy", "1100 images, dSprites has 737280")
	refused(t, config(t, filepath.Join("testdata", "dsprites.hdf5"), "dsprites_loc"), "dsprites.hdf5", "[1100 64 64]", "dSprites has [737280 64 64]")
}

// TestSpritesRefused checks that the header of the array in an .npz is checked before memory is taken, and its end.
func TestSpritesRefused(t *testing.T) {
	spriteRows = 30
	defer func() { spriteRows = 737280 }()
	npy := func(shape string, rows int) string {
		header := fmt.Sprintf("%-117s\n", "{'descr': '|u1', 'fortran_order': False, 'shape': "+shape+", }")
		return "\x93NUMPY\x01\x00" + string(rune(len(header))) + "\x00" + header + strings.Repeat("\x00", rows*spriteSide*spriteSide)
	}
	npz := func(content string) string {
		return files{spriteFile: content}.zip(t, filepath.Join(t.TempDir(), spriteNPZ))
	}
	whole := npz(npy("(30, 64, 64)", 30))
	cut := plant(t, filepath.Join(t.TempDir(), spriteNPZ), read(t, whole)[:60])
	for _, c := range []struct {
		name, from string
		want       []string
	}{
		{"a huge header", npz("\x93NUMPY\x02\x00\xff\xff\xff\xff{"), []string{spriteFile, "header claims 4294967295 bytes"}},
		{"a huge array", npz(npy("(30, 64, 9223372036854775807)", 30)), []string{spriteFile}},
		{"more images than claimed", npz(npy("(30, 64, 64)", 31)), []string{spriteFile, "follow the last image"}},
		{"fewer images", npz(npy("(30, 64, 64)", 29)), []string{spriteFile, "image 29", "EOF"}},
		{"another array", npz(npy("(30, 64, 32)", 30)), []string{spriteFile, "shape [30 64 32]"}},
		{"a text", npz("<html>"), []string{spriteFile}},
		{"a cut archive", cut, []string{spriteNPZ, "is it complete"}},
		{"another archive", files{"train.bin": "x"}.zip(t, filepath.Join(t.TempDir(), spriteNPZ)), []string{spriteNPZ}},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := config(t, c.from, "dsprites_loc")
			conf.Train, conf.Val = 1, 1
			expect.Memory(t, 4<<20, func() { refused(t, conf, c.want...) })
		})
	}
}

// TestSpriteLabels compares the labels in VTAB-1k's lists with the counts of an independent implementation.
func TestSpriteLabels(t *testing.T) {
	raw, err := os.ReadFile(need.Shared(t, "reference", "vtab_order_vectors.json"))
	expect.NoError(t, err)
	var v struct {
		Datasets struct {
			DSprites struct {
				Loc      []int `json:"loc_histogram_train800val200"`
				Ori      []int `json:"ori_histogram_train800val200"`
				FirstLoc []int `json:"first_labels_loc"`
				FirstOri []int `json:"first_labels_ori"`
			}
		}
	}
	expect.NoError(t, json.Unmarshal(raw, &v))
	rows := order.Rows("train", 737280)
	var chosen []int
	r := &Record{}
	p, err := official(Config{Train: 800, Val: 200, Test: -1}, "dsprites_loc", map[string]int{"train": 737280}, r, nil)
	expect.NoError(t, err)
	for _, list := range p[:test] {
		for _, at := range list {
			chosen = append(chosen, rows[at.index])
		}
	}
	if !r.Official || len(p[test]) != 73728 {
		t.Errorf("official %v, %d test images: %q", r.Official, len(p[test]), r.Remarks)
	}
	for task, want := range map[string][2][]int{
		"dsprites_loc": {v.Datasets.DSprites.Loc, v.Datasets.DSprites.FirstLoc},
		"dsprites_ori": {v.Datasets.DSprites.Ori, v.Datasets.DSprites.FirstOri},
	} {
		s := &sprites{task: task}
		counts := make([]int, 16)
		var first []int
		for i, row := range chosen {
			counts[s.label(row)]++
			if i < len(want[1]) {
				first = append(first, s.label(row))
			}
		}
		if !slices.Equal(counts, want[0]) || !slices.Equal(first, want[1]) {
			t.Errorf("%s: %v, first %v; want %v, %v", task, counts, first, want[0], want[1])
		}
	}
}
