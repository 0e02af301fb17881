package hdf5

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

func load(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	expect.NoError(t, err)
	return raw
}

func opened(raw []byte, name string) (*Dataset, error) {
	f, err := Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, err
	}
	return f.Dataset(name)
}

// rowSums reads all rows of x and returns their hashes.
func rowSums(raw []byte) (sums []string, err error) {
	d, err := opened(raw, "x")
	if err != nil {
		return nil, err
	}
	row := make([]byte, d.RowBytes())
	for i := range d.Rows() {
		if err := d.ReadRow(i, row); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(row)
		sums = append(sums, hex.EncodeToString(sum[:]))
	}
	return sums, nil
}

// TestFiles compares arrays of all supported layouts and filters with what h5py wrote.
func TestFiles(t *testing.T) {
	var want struct {
		X []string
		Y []int
	}
	expect.NoError(t, json.Unmarshal(load(t, "expect.json"), &want))
	for _, window := range []int{maxWindow, 90, 180, 5*90 + 1} { // a row has 90 bytes
		before := maxWindow
		maxWindow = window
		compareFiles(t, want.X, want.Y)
		maxWindow = before
	}
	x, err := opened(load(t, "tiles.h5"), "x") // rows in any order
	expect.NoError(t, err)
	row := make([]byte, x.RowBytes())
	for _, i := range []int{19, 0, 7, 19, 4} {
		expect.NoError(t, x.ReadRow(i, row))
		if sum := sha256.Sum256(row); hex.EncodeToString(sum[:]) != want.X[i] {
			t.Errorf("row %d differs", i)
		}
	}
	if x.ReadRow(20, row) == nil || x.ReadRow(-1, row) == nil || x.ReadRow(0, row[1:]) == nil {
		t.Error("a row that is not there can be read")
	}
	types := load(t, "types.h5")
	for name, want := range map[string]string{"signed": "[-5 5]", "scalar": "[3]", "more_39": "[39]"} {
		d, err := opened(types, name)
		expect.NoError(t, err)
		if got, err := d.Ints(5); fmt.Sprint(got) != want {
			t.Errorf("%s is %v, %v, want %s", name, got, err, want)
		}
	}
}

func compareFiles(t *testing.T, wantX []string, wantY []int) {
	t.Helper()
	for _, name := range []string{"contiguous", "chunked", "deflate", "tiles", "shuffle", "growing", "many", "latest"} {
		raw := load(t, name+".h5")
		sums, err := rowSums(raw)
		if err != nil || !slices.Equal(sums, wantX) {
			t.Errorf("%s: x differs: %v", name, err)
		}
		y, err := opened(raw, "y")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := y.Ints(20); err != nil || !slices.Equal(got, wantY) || fmt.Sprint(y.Shape) != "[20 1 1 1]" {
			t.Errorf("%s: y is %v, %v, want %v", name, got, err, wantY)
		}
		if _, err := y.Ints(19); err == nil {
			t.Errorf("%s: 20 values pass where 19 are allowed", name)
		}
	}
}

// TestUnsupported checks that every feature of HDF5 that is not read is named.
func TestUnsupported(t *testing.T) {
	for _, c := range []struct{ file, name, want string }{
		{"lzf.h5", "x", "the filter LZF of HDF5, which is not supported"},
		{"scaled.h5", "x", "the filter scaleoffset"},
		{"latest_chunked.h5", "x", "libver='latest'"},
		{"dense.h5", "more_00", "fractal heap"},
		{"types.h5", "float", "floating-point numbers, want whole numbers"},
		{"types.h5", "text", "want whole numbers"},
		{"types.h5", "compound", "compounds"},
		{"types.h5", "group", "it is a group"},
		{"types.h5", "soft", `no array "soft"`},
		{"types.h5", "none", `no array "none", only`},
	} {
		_, err := opened(load(t, c.file), c.name)
		expect.Error(t, err, c.want)
	}
	holes, err := opened(load(t, "types.h5"), "holes")
	expect.NoError(t, err)
	_, err = holes.Ints(100)
	expect.Error(t, err, "0 of 8 bytes of the rows from 2 are stored")
}

// TestHostile changes sizes and addresses in real files, which must be found before memory is taken for them.
func TestHostile(t *testing.T) {
	le := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	swap := func(file string, before, after []byte) []byte {
		raw := load(t, file)
		if !bytes.Contains(raw, before) {
			t.Fatalf("%s does not contain %x", file, before)
		}
		return bytes.ReplaceAll(raw, before, after)
	}
	shape := slices.Concat(le(20), le(6), le(5), le(3))
	for _, c := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"no file", []byte("text"), "no HDF5 file"},
		{"few bytes", load(t, "contiguous.h5")[:90], "too few"},
		{"cut off", load(t, "contiguous.h5")[:3000], "cut off"},
		{"rows", swap("contiguous.h5", shape, slices.Concat(le(1<<38), shape[8:])), "are not an array of the shape"},
		{"overflow", swap("contiguous.h5", shape, slices.Concat(le(1<<60), shape[8:])), "which no data set has"},
		{"large row", swap("contiguous.h5", shape, slices.Concat(le(1), le(1<<20), le(1<<20), le(1))), "larger than any image"},
		{"rows in chunks", swap("chunked.h5", shape, slices.Concat(le(1<<30), shape[8:])), "are stored: the file is not complete"},
		{"chunks", swap("chunked.h5", []byte{3, 0, 0, 0, 6, 0, 0, 0}, []byte{3, 0, 0, 1, 6, 0, 0, 0}), "are larger than"},
		{"rows in a chunk", swap("chunked.h5", []byte{3, 0, 0, 0, 6, 0, 0, 0}, []byte{3, 0, 3, 0, 6, 0, 0, 0}), "more than a file of"},
		{"empty chunks", swap("chunked.h5", []byte{3, 0, 0, 0, 6, 0, 0, 0}, []byte{0, 0, 0, 0, 6, 0, 0, 0}), "or empty"},
		{"stored size", swap("chunked.h5", []byte{14, 1, 0, 0, 0, 0, 0, 0}, []byte{14, 1, 0, 64, 0, 0, 0, 0}), "claims"},
		{"no tree", swap("chunked.h5", []byte("TREE\x01"), []byte("TREE\x07")), "type 7"},
	} {
		var err error
		expect.Memory(t, 1<<20, func() { _, err = rowSums(c.raw) })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	// Every byte of compressed data is checked, by zlib's checksum or Fletcher's.
	for _, name := range []string{"deflate.h5", "shuffle.h5"} {
		raw := load(t, name)
		at := bytes.Index(raw, []byte{0x78, 0x5e}) // the first zlib stream
		if at < 0 {
			t.Fatalf("%s has no zlib stream", name)
		}
		raw[at+10] ^= 1
		if _, err := rowSums(raw); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUserBlock reads files that begin with another block, as those of MATLAB 7.3 do.
func TestUserBlock(t *testing.T) {
	for _, n := range []int{512, 1024, 8192} {
		_, err := opened(append(make([]byte, n), load(t, "contiguous.h5")...), "x")
		expect.Error(t, err, "a user block of HDF5, which is not supported")
	}
	_, err := opened(append(make([]byte, 700), load(t, "contiguous.h5")...), "x")
	expect.Error(t, err, "no HDF5 file")
}

// TestNoValues reads arrays without values as h5py 3.16 writes them: the values of create_dataset("x", (20, 6, 5, 3), "u1") have no
// address until some are written, and those of a shape with a zero never have one.
func TestNoValues(t *testing.T) {
	raw := load(t, "contiguous.h5")
	bytesOfX := binary.LittleEndian.AppendUint64(nil, 20*6*5*3)
	at := bytes.Index(raw, bytesOfX) - 8
	if at < 0 || !bytes.Equal(raw[at-2:at], []byte{3, contiguous}) {
		t.Fatal("the layout of x is not there")
	}
	copy(raw[at:], bytes.Repeat([]byte{0xff}, 8))
	_, err := opened(raw, "x")
	expect.Error(t, err, "none of its values are stored")

	copy(raw[at+8:], make([]byte, 8))
	shape := slices.Concat(binary.LittleEndian.AppendUint64(nil, 20), binary.LittleEndian.AppendUint64(nil, 6), binary.LittleEndian.AppendUint64(nil, 5))
	dims := bytes.Index(raw, shape)
	copy(raw[dims+8:], make([]byte, 8)) // 20 x 0 x 5 x 3
	d, err := opened(raw, "x")
	expect.NoError(t, err)
	if values, err := d.Ints(10); err != nil || len(values) != 0 || d.Rows() != 20 {
		t.Errorf("%d rows, values %v, %v", d.Rows(), values, err)
	}
}

func TestCut(t *testing.T) {
	raw := load(t, "deflate.h5")
	for n := 0; n < len(raw); n += 7 {
		if _, err := rowSums(raw[:n]); err == nil {
			t.Errorf("%d of %d bytes pass", n, len(raw))
		}
	}
}

// FuzzRead reads the first array, and checks that the file's size bounds the memory and that nothing is endless.
func FuzzRead(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.h5")
	expect.NoError(f, err)
	for _, seed := range seeds {
		raw, err := os.ReadFile(seed)
		expect.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		expect.Memory(t, 1<<22+16384*len(raw), func() {
			file, err := Open(bytes.NewReader(raw), int64(len(raw)))
			if err != nil {
				return
			}
			for _, name := range slices.Sorted(maps.Keys(file.links))[:min(1, len(file.links))] {
				d, err := file.Dataset(name)
				if err != nil || d.RowBytes() > 1<<20 {
					continue
				}
				row := make([]byte, d.RowBytes())
				for i := range min(d.Rows(), 2) {
					if d.ReadRow(i, row) != nil {
						break
					}
				}
			}
		})
	})
}
