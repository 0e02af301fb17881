package prepare

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/prepare/order"
)

// files are the contents of an archive by name.
type files map[string]string

// tar writes a .tar, with gzip around it if the name of a real archive in that format asks for it.
func (f files) tar(t *testing.T, path string, zipped bool) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(&b)
	if zipped {
		w = tar.NewWriter(z)
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		expect.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(f[name])), Typeflag: tar.TypeReg}))
		_, err := w.Write([]byte(f[name]))
		expect.NoError(t, err)
	}
	expect.NoError(t, w.Close())
	if zipped {
		expect.NoError(t, z.Close())
	}
	return plant(t, path, b.Bytes())
}

func (f files) zip(t *testing.T, path string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(f)) {
		entry, err := w.Create(name)
		expect.NoError(t, err)
		_, err = entry.Write([]byte(f[name]))
		expect.NoError(t, err)
	}
	expect.NoError(t, w.Close())
	return plant(t, path, b.Bytes())
}

// folder writes the files themselves.
func (f files) folder(t *testing.T, root string) string {
	t.Helper()
	for name, content := range f {
		plant(t, filepath.Join(root, filepath.FromSlash(name)), []byte(content))
	}
	return root
}

// without returns a copy without a file.
func (f files) without(name string) files {
	rest := maps.Clone(f)
	delete(rest, name)
	return rest
}

// with returns a copy with another file.
func (f files) with(name, content string) files {
	rest := maps.Clone(f)
	rest[name] = content
	return rest
}

func plant(t *testing.T, path string, content []byte) string {
	t.Helper()
	expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
	expect.NoError(t, os.WriteFile(path, content, 0o666))
	return path
}

// photo is a small JPEG, different for every seed.
func photo(t *testing.T, seed int) string {
	t.Helper()
	img := encodable()
	for i := range img.Pix {
		img.Pix[i] = byte(seed*(i/64+1) + i%4*50)
	}
	img.Set(0, 0, color.RGBA{byte(seed), byte(seed >> 8), 0, 255})
	var b bytes.Buffer
	expect.NoError(t, jpeg.Encode(&b, img, nil))
	return b.String() + strconv.Itoa(seed) // decoders ignore what follows the image
}

func encodable() *image.RGBA { return image.NewRGBA(image.Rect(0, 0, 16, 16)) }

// sized replaces the published numbers of records for a test.
func sized(t *testing.T, counts map[string]int) {
	t.Helper()
	before := published
	published = func(string) map[string]int { return counts }
	t.Cleanup(func() { published = before })
}

// want is a record as a test expects it.
type want struct {
	key     string
	label   int
	content string
}

// sorted orders records by Python's rule, as /reference/vtab_order.py writes it: by the digest of split and key.
func sorted(split string, list []want) []want {
	return slices.SortedFunc(slices.Values(list), func(a, b want) int {
		x, y := order.Of(split, a.key), order.Of(split, b.key)
		return bytes.Compare(x[:], y[:])
	})
}

// compare compares a list with the expected records, byte for byte.
func compare(t *testing.T, root, list string, wants []want) {
	t.Helper()
	var all []expectation
	for _, w := range wants {
		all = append(all, expectation{w.label, sumOf([]byte(w.content))})
	}
	check(t, root, list, all, sumFile)
}

// vectors reads the digests of the official lists, which were made with TFDS.
func vectors(t *testing.T, dataset string) map[string]json.RawMessage {
	t.Helper()
	raw, err := os.ReadFile(need.Shared(t, "reference", "vtab_order_vectors.json"))
	expect.NoError(t, err)
	var v struct {
		Datasets map[string]map[string]json.RawMessage
	}
	expect.NoError(t, json.Unmarshal(raw, &v))
	return v.Datasets[dataset]
}

// official compares the lists that records lead to with the digests.
func compareDigests(t *testing.T, dataset, task string, records map[string][]record) {
	t.Helper()
	v := vectors(t, dataset)
	counts, rows := map[string]int{}, map[string][]int{}
	for split, list := range records {
		keys := make([]string, len(list))
		for i, r := range list {
			keys[i] = r.key
		}
		var err error
		rows[split], err = order.Keys(split, keys)
		expect.NoError(t, err)
		counts[split] = len(list)
	}
	r := &Record{}
	p, err := official(Config{Train: 800, Val: 200, Test: -1}, task, counts, r, rows)
	expect.NoError(t, err)
	if !r.Official {
		t.Errorf("not official: %q", r.Remarks)
	}
	for list, name := range listNames {
		var want struct {
			Count  int
			SHA256 string
		}
		expect.NoError(t, json.Unmarshal(v[name], &want))
		h := sha256.New()
		for _, at := range p[list] {
			fmt.Fprintln(h, records[at.split][at.index].key)
		}
		if got := hex.EncodeToString(h.Sum(nil)); len(p[list]) != want.Count || got != want.SHA256 {
			t.Errorf("%s: %d images with digest %s, want %d with %s", name, len(p[list]), got, want.Count, want.SHA256)
		}
	}
}

func told(r *Record) string { return strings.Join(r.Remarks, "\n") }

func read(t *testing.T, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	expect.NoError(t, err)
	return raw
}
