package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"testing"

	"dtl-tf/graph/expect"
)

// TestGzip reads what gunzip and Python's gzip read: several members, and zeros after them.
func TestGzip(t *testing.T) {
	plain := tarOf(t, false, file("a/1.png"), file("a/2.png"))
	whole, halves := gzipOf(t, plain), slices.Concat(gzipOf(t, plain[:700]), gzipOf(t, plain[700:]))
	want := []string{"a/1.png=hello", "a/2.png=hello"}
	for name, content := range map[string][]byte{
		"one member":      whole,
		"two members":     halves,
		"zeros":           slices.Concat(whole, make([]byte, 70_000)),
		"zeros between":   slices.Concat(gzipOf(t, plain[:700]), make([]byte, 3), gzipOf(t, plain[700:])),
		"an empty member": slices.Concat(halves, gzipOf(t, nil)),
	} {
		if got, err := walk(t, content); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, content := range map[string][]byte{
		"text":                     slices.Concat(whole, []byte("text")),
		"zeros and text":           slices.Concat(whole, []byte("\x00\x00text")),
		"a member that is cut off": slices.Concat(whole, halves[:20]),
	} {
		if _, err := walk(t, content); err == nil {
			t.Errorf("%s after the end pass", name)
		}
	}
	r, err := Gunzip(bytes.NewReader(slices.Concat(whole, whole)))
	expect.NoError(t, err)
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, slices.Concat(plain, plain)) {
		t.Errorf("%d bytes, %v, want %d", len(got), err, 2*len(plain))
	}
}

// TestOldTar reads headers without a mark, as 'tar --format=v7' of GNU writes them.
func TestOldTar(t *testing.T) {
	old := tarOf(t, false, file("a/1.png"))
	clear(old[257:512])
	copy(old[148:156], "        ")
	sum := 0
	for _, b := range old[:512] {
		sum += int(b)
	}
	copy(old[148:], fmt.Sprintf("%06o\x00 ", sum))
	if got, err := walk(t, old); err != nil || !slices.Equal(got, []string{"a/1.png=hello"}) {
		t.Errorf("%q, %v", got, err)
	}
	old[0] ^= 1 // now the checksum is wrong
	_, err := walk(t, old)
	expect.Error(t, err, "neither a folder nor an archive")
}

// TestGlobalHeader passes over the entry with which git archive begins, also where two such archives were joined.
func TestGlobalHeader(t *testing.T) {
	global := tar.Header{Name: "pax_global_header", Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "0123"}}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{global, file("a/1.png"), global, file("a/2.png")} {
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
	if got, err := walk(t, b.Bytes()); err != nil || !slices.Equal(got, []string{"a/1.png=hello", "a/2.png=hello"}) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestZipRefused checks that kinds of zips that are not read are named.
func TestZipRefused(t *testing.T) {
	raw := func(method, flags uint16) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		f, err := w.CreateRaw(&zip.FileHeader{Name: "a/1.png", Method: method, Flags: flags, CompressedSize64: 5, UncompressedSize64: 5})
		expect.NoError(t, err)
		_, err = f.Write([]byte("hello"))
		expect.NoError(t, err)
		expect.NoError(t, w.Close())
		return b.Bytes()
	}
	last := zipOf(t, "a/1.png") // as the file .zip of a split zip, whose other parts are .z01, .z02 ...
	end := bytes.LastIndex(last, []byte("PK\x05\x06"))
	binary.LittleEndian.PutUint16(last[end+4:], 1)
	copy(last, "data")
	for _, c := range []struct {
		content []byte
		want    string
	}{
		{raw(zip.Deflate, 1), "is encrypted"},
		{raw(99, 1), "is encrypted"}, // AES of WinZip
		{raw(9, 0), "method 9 (Deflate64"},
		{raw(93, 0), "Zstandard"},
		{raw(77, 0), "method 77 (unknown)"},
		{[]byte("PK\x07\x08PK\x03\x04 and more than a few bytes"), "part of a split zip"},
		{last, "zip -s 0"},
	} {
		_, err := walk(t, c.content)
		expect.Error(t, err, c.want, "pictures")
	}
}
