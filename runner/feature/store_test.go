package feature

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
)

// TestReuse: what was written is found again, and only what is not there is written.
func TestReuse(t *testing.T) {
	o, n, folder := filled(t)
	complete(t, open(t, o))
	n.want(t)
	if got := files(t, folder); !slices.Equal(got, []string{"index.json", "use.lock", "write.lock", "x_00.fp32", "x_01.fp32"}) {
		t.Errorf("files %v", got)
	}
	first, err := os.Stat(filepath.Join(folder, "x_01.fp32"))
	expect.NoError(t, err)

	// A method that needs another value of the same images, and one of those that are there.
	more := o
	more.Values = []Value{{"x_01", []int{1500}}, {"x_02", []int{2}}}
	s := open(t, more)
	if m := s.Missing(); len(m) != 1 || m[0].Name != "x_02" {
		t.Fatalf("missing: %v", m)
	}
	fill(t, s)
	complete(t, s)
	n.want(t, "10 images x 8 bytes = 80 bytes")
	if again, err := os.Stat(filepath.Join(folder, "x_01.fp32")); err != nil || !os.SameFile(first, again) {
		t.Error("x_01 was written again")
	}
	complete(t, open(t, o)) // the first method's values are still there
}

// TestKeys: each part of the key leads to another cache, and so do other images; labels, names and order do not.
func TestKeys(t *testing.T) {
	o, _, folder := filled(t)
	fields := reflect.TypeOf(o.Key)
	for i := range fields.NumField() {
		if fields.Field(i).Name == "Images" {
			continue
		}
		other := o
		switch v := reflect.ValueOf(&other.Key).Elem().Field(i).Addr().Interface().(type) {
		case *string:
			*v += "x"
		case *graph.Precision:
			*v = graph.BF16
		case *int:
			*v++
		case *float64:
			*v += 1e-5
		case *[3]float64:
			v[2] += 1e-9
		default:
			t.Fatalf("%s is a %T", fields.Field(i).Name, v)
		}
		s := open(t, other)
		if len(s.Missing()) != 2 || s.Folder() == folder {
			t.Errorf("another %s: missing %v in %s", fields.Field(i).Name, s.Missing(), s.Folder())
		}
	}
	changed := sums()
	changed[5][0] ^= 1
	for i, list := range [][][32]byte{changed, sums()[:9]} {
		s, err := Open(context.Background(), o, NewImages(list))
		expect.NoError(t, err)
		if len(s.Missing()) != 2 || s.Folder() == folder {
			t.Errorf("other images %d: missing %v", i, s.Missing())
		}
		expect.NoError(t, s.Close())
	}
	reversed := sums()
	slices.Reverse(reversed)
	m := NewImages(reversed)
	s, err := Open(context.Background(), o, m)
	expect.NoError(t, err)
	defer s.Close()
	if len(s.Missing()) != 0 || m.Len() != images || m.Row(sums()[1]) != m.Row(sums()[11]) {
		t.Errorf("the same images in another order: missing %v, %d images", s.Missing(), m.Len())
	}
}

// TestNotTrusted: what is not as it was written is not used, the user hears why, and writing it anew helps.
func TestNotTrusted(t *testing.T) {
	edit := func(name string, f func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, folder string) {
			path := filepath.Join(folder, name)
			b, err := os.ReadFile(path)
			expect.NoError(t, err)
			expect.NoError(t, os.WriteFile(path, f(b), 0o666))
		}
	}
	text := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte { return []byte(strings.Replace(string(b), old, new, 1)) }
	}
	for _, c := range []struct {
		name    string
		damage  func(*testing.T, string)
		missing int
		reason  string
	}{
		{"one bit", edit("x_01.fp32", func(b []byte) []byte { b[31234] ^= 4; return b }), 1, "its checksum is wrong"},
		{"cut off", edit("x_00.fp32", func(b []byte) []byte { return b[:len(b)-1] }), 1, "it has 599 bytes, and 600 were written"},
		{"too long", edit("x_00.fp32", func(b []byte) []byte { return append(b, 0) }), 1, "it has 601 bytes"},
		{"gone", func(t *testing.T, folder string) { expect.NoError(t, os.Remove(filepath.Join(folder, "x_00.fp32"))) }, 1, "no such file"},
		{"a folder", func(t *testing.T, folder string) {
			expect.NoError(t, os.Remove(filepath.Join(folder, "x_00.fp32")))
			expect.NoError(t, os.Mkdir(filepath.Join(folder, "x_00.fp32"), 0o777))
		}, 1, "bytes"},
		{"index cut off", edit("index.json", func(b []byte) []byte { return b[:len(b)/2] }), 2, "its index.json is damaged"},
		{"index empty", edit("index.json", func(b []byte) []byte { return nil }), 2, "its index.json is damaged"},
		{"index that claims terabytes", func(t *testing.T, folder string) {
			expect.NoError(t, os.Truncate(filepath.Join(folder, "index.json"), 1<<42))
		}, 2, "more than the limit"},
		{"index of another program", edit("index.json", text(kind, "other")), 2, "does not belong to a feature cache"},
		{"index of another format", edit("index.json", text(`"format": 1`, `"format": 2`)), 2, "format 2, this program writes format 1"},
		{"index of another version", edit("index.json", text(`"v1"`, `"v0"`)), 2, "written by version v0"},
		{"index of another TensorFlow", edit("index.json", text(`"2.18"`, `"2.17"`)), 2, "TensorFlow 2.17"},
		{"index of another backbone", edit("index.json", text(`"backbone_sha256": "b"`, `"backbone_sha256": "c"`)), 2, "made for another backbone_sha256"},
		{"index with another image", edit("index.json", text(NewImages(sums()).hexSums()[3], strings.Repeat("0", 64))), 2, "list of images"},
		{"index with another shape", edit("index.json", text("1500", "1501")), 1, "shape [1501]"},
		{"index with nonsense", edit("index.json", text(`"images": [`, `"unreadable": [10], "images": [`)), 2, "number 10 is marked unreadable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, n, folder := filled(t)
			c.damage(t, folder)
			s := open(t, o)
			if len(s.Missing()) != c.missing {
				t.Errorf("missing %v, want %d", s.Missing(), c.missing)
			}
			n.want(t, folder, "is not used", c.reason)
			if c.name == "a folder" { // nothing that is not a file is removed
				w, err := s.Writer(context.Background())
				expect.NoError(t, err)
				defer w.Close()
				expect.NoError(t, w.Write([]int{0}, compute(o, 0)))
				expect.Error(t, w.Commit(), "x_00.fp32")
				return
			}
			fill(t, s)
			expect.NoError(t, s.Close())
			n.want(t, "feature cache: 10 images")
			complete(t, open(t, o))
			n.want(t)
		})
	}
}

// TestUnreadable: images without values have rows of zeros and are listed.
func TestUnreadable(t *testing.T) {
	o, _ := options(t.TempDir())
	s := open(t, o)
	fill(t, s, 0, 5, 9)
	expect.NoError(t, s.Close())
	s = open(t, o)
	if len(s.Missing()) != 0 || !slices.Equal(s.Unreadable(), []int{0, 5, 9}) {
		t.Fatalf("missing %v, unreadable %v", s.Missing(), s.Unreadable())
	}
	want := encode(nil, compute(o, 4)[1].Float32(), graph.FP32)
	m := s.files["x_01"]
	if string(m.view(4)) != string(want) || strings.Trim(string(m.view(5)), "\x00") != "" || strings.Trim(string(m.view(9)), "\x00") != "" {
		t.Error("rows are not where they belong")
	}
}

// TestHalf: bfloat16 values are stored in little-endian order.
func TestHalf(t *testing.T) {
	if got := string(encode(nil, []float32{1, -2}, graph.BF16)); got != "\x80\x3f\x00\xc0" {
		t.Errorf("%x", got)
	}
}

// TestInterrupted: writing that is given up leaves nothing, and what a killed run left does no harm.
func TestInterrupted(t *testing.T) {
	o, n := options(t.TempDir())
	s := open(t, o)
	w, err := s.Writer(context.Background())
	expect.NoError(t, err)
	expect.NoError(t, w.Write([]int{0, 1}, compute(o, 0, 1)))
	if len(s.Missing()) != 2 {
		t.Error("half a file counts")
	}
	w.Close()
	expect.NoError(t, s.Close())
	if got := files(t, o.Dir); got != nil {
		t.Errorf("left: %v", got)
	}
	s = open(t, o)
	expect.NoError(t, os.WriteFile(filepath.Join(s.Folder(), tempMark+"x_00.fp32"), []byte("half"), 0o666))
	expect.NoError(t, os.WriteFile(filepath.Join(s.Folder(), tempMark+"x_07.fp32"), []byte("half"), 0o666))
	expect.NoError(t, os.WriteFile(filepath.Join(s.Folder(), "x_01.fp32"), []byte("no index speaks of it"), 0o666))
	fill(t, s)
	complete(t, s)
	if got := files(t, s.Folder()); slices.Contains(got, tempMark+"x_07.fp32") {
		t.Errorf("left: %v", got)
	}
	n.want(t, "feature cache")

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, o, NewImages(sums())); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled check: %v", err)
	}
}
