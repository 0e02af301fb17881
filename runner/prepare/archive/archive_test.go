package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// tarOf makes an archive of empty headers and, for regular files, five bytes.
func tarOf(t *testing.T, zipped bool, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	var out io.Writer = &b
	var z *gzip.Writer
	if zipped {
		z = gzip.NewWriter(&b)
		out = z
	}
	w := tar.NewWriter(out)
	for _, h := range headers {
		h.Mode = 0o644
		if h.Typeflag == tar.TypeReg {
			h.Size = 5
		}
		expect.NoError(t, w.WriteHeader(&h))
		if h.Size > 0 {
			_, err := w.Write([]byte("hello"))
			expect.NoError(t, err)
		}
	}
	expect.NoError(t, w.Close())
	if z != nil {
		expect.NoError(t, z.Close())
	}
	return b.Bytes()
}

func file(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }

func zipOf(t *testing.T, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.Create(name)
		expect.NoError(t, err)
		if !strings.HasSuffix(name, "/") {
			_, err = f.Write([]byte("hello"))
			expect.NoError(t, err)
		}
	}
	expect.NoError(t, w.Close())
	return b.Bytes()
}

// walk stores an archive, walks through it and returns names and contents.
func walk(t *testing.T, content []byte) ([]string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pictures")
	expect.NoError(t, os.WriteFile(path, content, 0o666))
	return walkPath(path)
}

func walkPath(path string) (found []string, err error) {
	a, err := Open(path)
	if err != nil {
		return nil, err
	}
	err = a.Walk(context.Background(), func(e Entry, r io.Reader) error {
		text, err := io.ReadAll(r)
		found = append(found, e.Name+"="+string(text))
		if err == nil && int64(len(text)) != e.Size {
			err = errors.New("another size than the entry says")
		}
		return err
	})
	return found, err
}

// TestKinds checks that every container yields the same files, without hidden ones.
func TestKinds(t *testing.T) {
	names := []string{"./a/1.png", "a/.DS_Store", "__MACOSX/a/1.png", "a/2.png", ".hidden/3.png"}
	var headers []tar.Header
	for _, name := range names {
		headers = append(headers, file(name))
	}
	headers = append(headers, tar.Header{Name: "b/", Typeflag: tar.TypeDir})
	want := []string{"a/1.png=hello", "a/2.png=hello"}
	for kind, content := range map[string][]byte{
		"tar": tarOf(t, false, headers...), "tar.gz": tarOf(t, true, headers...), "zip": zipOf(t, append(names, "b/")...),
	} {
		if got, err := walk(t, content); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", kind, got, err)
		}
	}
	root := t.TempDir()
	for _, name := range names[1:] {
		expect.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o777))
		expect.NoError(t, os.WriteFile(filepath.Join(root, name), []byte("hello"), 0o666))
	}
	expect.NoError(t, os.Symlink("2.png", filepath.Join(root, "a", "1.png")))
	expect.NoError(t, os.RemoveAll(filepath.Join(root, "__MACOSX")))
	link := filepath.Join(t.TempDir(), "link")
	expect.NoError(t, os.Symlink(root, link))
	for _, path := range []string{root, link} {
		if got, err := walkPath(path); err != nil || !slices.Equal(got, want) {
			t.Errorf("folder: %q, %v", got, err)
		}
	}
}

// TestRefused checks that entries dangerous to unpack are errors that name them.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		content []byte
		want    []string
	}{
		{"above", tarOf(t, true, file("ok"), file("../evil")), []string{`"../evil"`, "leaves the archive"}},
		{"above, within", tarOf(t, true, file("a/../../evil")), []string{"leaves the archive"}},
		{"absolute", tarOf(t, false, file("/etc/passwd")), []string{`"/etc/passwd"`, "leaves the archive"}},
		{"above in a zip", zipOf(t, "../evil"), []string{"leaves the archive"}},
		{"backslashes", zipOf(t, `..\evil`), []string{"leaves the archive"}},
		{"a drive", zipOf(t, `C:\evil`), []string{"leaves the archive"}},
		{"a line break", zipOf(t, "a\nb.png"), []string{"control character"}},
		{"a symbolic link", tarOf(t, true, tar.Header{Name: "a/1.png", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}), []string{"a/1.png", "is a link"}},
		{"a hard link", tarOf(t, true, file("a/1.png"), tar.Header{Name: "a/2.png", Linkname: "a/1.png", Typeflag: tar.TypeLink}), []string{"a/2.png", "is a link"}},
		{"a device", tarOf(t, true, tar.Header{Name: "a/zero", Typeflag: tar.TypeChar}), []string{"a/zero", "neither a file nor a folder"}},
		{"twice", tarOf(t, true, file("a/1.png"), file("./a/1.png")), []string{"a/1.png", "twice"}},
		{"twice in a zip", zipOf(t, "a/1.png", "a/1.png"), []string{"a/1.png", "twice"}},
		{"a RAR archive", []byte("Rar!\x1a\x07\x00"), []string{"RAR", "unpack"}},
		{"HDF5", []byte("\x89HDF\r\n\x1a\n"), []string{"HDF5"}},
		{"a text", []byte("text"), []string{"neither a folder nor an archive"}},
		{"nothing", nil, []string{"is empty"}},
		{"gzip of no tar", gzipOf(t, []byte(strings.Repeat("text", 999))), []string{"damaged"}},
	} {
		_, err := walk(t, c.content)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, word := range append(c.want, "pictures") {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v lacks %q", c.name, err, word)
			}
		}
	}
}

func gzipOf(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(content)
	expect.NoError(t, err)
	expect.NoError(t, z.Close())
	return b.Bytes()
}

// TestCut checks that a truncated archive or a wrong checksum is an error.
func TestCut(t *testing.T) {
	packed := tarOf(t, true, file("a/1.png"), file("a/2.png"))
	for n := 1; n < len(packed); n++ {
		if _, err := walk(t, packed[:n]); err == nil {
			t.Errorf("%d of %d bytes pass", n, len(packed))
		}
	}
	packed[len(packed)-8] ^= 1
	if _, err := walk(t, packed); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("tar.gz: %v", err)
	}
	plain := tarOf(t, false, file("a/1.png"))
	if _, err := walk(t, plain[:514]); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("tar: %v", err)
	}
	z := zipOf(t, "a/1.png")
	if _, err := walk(t, z[:len(z)-10]); err == nil || !strings.Contains(err.Error(), "complete") {
		t.Errorf("zip: %v", err)
	}
	stored := storedZip(t)
	if got, err := walk(t, stored); err != nil || len(got) != 1 {
		t.Fatalf("%q, %v", got, err)
	}
	stored[bytes.Index(stored, []byte("hello"))] ^= 1
	if _, err := walk(t, stored); err == nil || !strings.Contains(err.Error(), "checksum") || !strings.Contains(err.Error(), "a/1.png") {
		t.Errorf("zip: %v", err)
	}
}

func storedZip(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateRaw(&zip.FileHeader{Name: "a/1.png", Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte("hello")), CompressedSize64: 5, UncompressedSize64: 5})
	expect.NoError(t, err)
	_, err = f.Write([]byte("hello"))
	expect.NoError(t, err)
	expect.NoError(t, w.Close())
	return b.Bytes()
}

// TestBomb checks that an entry that unpacks to far more than the archive's size is rejected before it is read.
func TestBomb(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	expect.NoError(t, w.WriteHeader(&tar.Header{Name: "zeros.png", Typeflag: tar.TypeReg, Size: 1 << 40, Mode: 0o644}))
	_, err := w.Write(make([]byte, 1<<16))
	expect.NoError(t, err)
	if _, err := walk(t, gzipOf(t, b.Bytes())); err == nil || !strings.Contains(err.Error(), "zeros.png") || !strings.Contains(err.Error(), "not to be trusted") {
		t.Errorf("%v", err)
	}
}

// claim is a zip member of five stored bytes whose header claims another size.
func claim(t *testing.T, sizes ...uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, size := range sizes {
		out, err := w.CreateRaw(&zip.FileHeader{
			Name: fmt.Sprintf("%d.png", i), Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte("hello")), CompressedSize64: 5, UncompressedSize64: size,
		})
		expect.NoError(t, err)
		_, err = out.Write([]byte("hello"))
		expect.NoError(t, err)
	}
	expect.NoError(t, w.Close())
	return b.Bytes()
}

// TestBombOverflow checks that sizes or sums of sizes beyond int64 are rejected at the entry that exceeds the budget.
func TestBombOverflow(t *testing.T) {
	for name, sizes := range map[string][]uint64{
		"0.png": {1<<63 + 5, 5}, "1.png": {5, 1<<64 - 1, 5}, "2.png": {5, 5, 1<<63 - 1},
	} {
		if _, err := walk(t, claim(t, sizes...)); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "more than 200 times its size") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := []uint64{budget(0), budget(1 << 20), budget(math.MaxInt64)}; !slices.Equal(got, []uint64{1 << 30, 1<<30 + 200<<20, math.MaxInt64}) {
		t.Errorf("budgets %d", got)
	}
}

// TestBombHidden checks that skipped files of a tar count, because they are unpacked on the way to the next.
func TestBombHidden(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	expect.NoError(t, w.WriteHeader(&tar.Header{Name: ".zeros", Typeflag: tar.TypeReg, Size: 1 << 40, Mode: 0o644}))
	_, err := w.Write(make([]byte, 1<<16))
	expect.NoError(t, err)
	if _, err := walk(t, gzipOf(t, b.Bytes())); err == nil || !strings.Contains(err.Error(), ".zeros") || !strings.Contains(err.Error(), "not to be trusted") {
		t.Errorf("%v", err)
	}
}

// TestMoreThanClaimed checks that an entry with more bytes than it claims is an error, and that no more are read.
func TestMoreThanClaimed(t *testing.T) {
	_, err := io.ReadAll(&exact{r: strings.NewReader("hello"), left: 5})
	expect.NoError(t, err)
	if text, err := io.ReadAll(&exact{r: strings.NewReader("hello, world"), left: 5}); err == nil || len(text) > 5 {
		t.Errorf("%q, %v", text, err)
	}
}

// TestCancelled checks that a walk ends with its context.
func TestCancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.tar.gz")
	expect.NoError(t, os.WriteFile(path, tarOf(t, true, file("a/1.png"), file("a/2.png")), 0o666))
	a, err := Open(path)
	expect.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err = a.Walk(ctx, func(Entry, io.Reader) error { n++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("%v after %d files", err, n)
	}
}

// TestParts cuts a zip into parts, also within a header, and reads it in place.
func TestParts(t *testing.T) {
	whole := zipOf(t, "a/1.png", "a/2.png", "b/3.png")
	want := []string{"a/1.png=hello", "a/2.png=hello", "b/3.png=hello"}
	root := t.TempDir()
	for _, cut := range [][2]int{{40, 41}, {10, len(whole) - 7}, {len(whole) / 2, len(whole) - 1}} {
		var parts []string
		for i, part := range [][]byte{whole[:cut[0]], whole[cut[0]:cut[1]], whole[cut[1]:]} {
			parts = append(parts, filepath.Join(root, fmt.Sprintf("train.zip.%03d", i+1)))
			expect.NoError(t, os.WriteFile(parts[i], part, 0o666))
		}
		read := func(parts []string) (found []string, err error) {
			a, err := OpenParts(parts)
			if err != nil {
				return nil, err
			}
			err = a.Walk(t.Context(), func(e Entry, r io.Reader) error {
				text, err := io.ReadAll(r)
				found = append(found, e.Name+"="+string(text))
				return err
			})
			return found, err
		}
		if got, err := read(parts); err != nil || !slices.Equal(got, want) {
			t.Errorf("cut at %v: %q, %v", cut, got, err)
		}
		if _, err := read(parts[:2]); err == nil || !strings.Contains(err.Error(), "is it complete") {
			t.Errorf("without the last part: %v", err)
		}
		if _, err := read([]string{parts[0], parts[1], filepath.Join(root, "none")}); err == nil {
			t.Error("a missing part passes")
		}
		if _, err := read([]string{parts[1], parts[0]}); err == nil {
			t.Error("the second part passes for the first")
		}
	}
}

// TestWalkTar reads archives in an archive.
func TestWalkTar(t *testing.T) {
	for _, zipped := range []bool{false, true} {
		raw := tarOf(t, zipped, file("a/1.png"), file("b/2.png"))
		var found []string
		read := func(raw []byte) error {
			found = nil
			return WalkTar(t.Context(), "outer.zip, entry inner.tar", int64(len(raw)), bytes.NewReader(raw), func(e Entry, r io.Reader) error {
				text, err := io.ReadAll(r)
				found = append(found, e.Name+"="+string(text))
				return err
			})
		}
		if err := read(raw); err != nil || !slices.Equal(found, []string{"a/1.png=hello", "b/2.png=hello"}) {
			t.Errorf("%q, %v", found, err)
		}
		if err := read(raw[:len(raw)*2/5]); err == nil || !strings.Contains(err.Error(), "outer.zip, entry inner.tar") || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("cut off: %v", err)
		}
		if err := read([]byte("Rar!\x1a\x07" + strings.Repeat("\x00", 600))); err == nil && len(found) > 0 {
			t.Error("no archive passes")
		}
	}
}
