package matlab

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
)

// variable is what scipy reads.
type variable struct {
	Class  string
	Shape  []int
	Values []int // nil if not all are whole
}

func load(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	expect.NoError(t, err)
	return raw
}

// TestFiles compares the numeric variables of files of MATLAB and scipy with what scipy reads in them.
func TestFiles(t *testing.T) {
	var files map[string]map[string]variable
	expect.NoError(t, json.Unmarshal(load(t, "expect.json"), &files))
	if len(files) != 13 {
		t.Errorf("%d files, want 13", len(files))
	}
	for name, want := range files {
		got := map[string]variable{}
		err := Walk(bytes.NewReader(load(t, name)), func(a *Array) error {
			if !a.numeric || a.complex {
				return nil
			}
			v := variable{Class: a.Class, Shape: a.Shape}
			if want[a.Name].Values != nil {
				var err error
				if v.Values, err = a.Ints(1 << 20); err != nil {
					return err
				}
				if v.Values == nil {
					v.Values = []int{}
				}
			}
			got[a.Name] = v
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			if fmt.Sprint(got[key]) != fmt.Sprint(want[key]) {
				t.Errorf("%s: %s is %.200v, want %.200v", name, key, got[key], want[key])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: variables %q, want %q", name, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
}

// TestFlowers reads the real label files of Oxford Flowers 102. The counts are those of its paper: 102 classes of 40 to 258 images.
func TestFlowers(t *testing.T) {
	read := func(file string) map[string][]int {
		raw, err := os.ReadFile(need.Shared(t, "archives", "flowers102", file))
		expect.NoError(t, err)
		all := map[string][]int{}
		expect.NoError(t, Walk(bytes.NewReader(raw), func(a *Array) error {
			values, err := a.Ints(10000)
			all[a.Name] = values
			return err
		}))
		return all
	}
	sets := read("setid.mat")
	if len(sets["trnid"]) != 1020 || len(sets["valid"]) != 1020 || len(sets["tstid"]) != 6149 {
		t.Errorf("%d, %d, %d images", len(sets["trnid"]), len(sets["valid"]), len(sets["tstid"]))
	}
	counts := map[int]int{}
	for _, label := range read("imagelabels.mat")["labels"] {
		counts[label]++
	}
	sizes := slices.Collect(maps.Values(counts))
	if len(counts) != 102 || slices.Min(sizes) != 40 || slices.Max(sizes) != 258 || counts[0] != 0 {
		t.Errorf("%d classes of %d to %d images", len(counts), slices.Min(sizes), slices.Max(sizes))
	}
}

// readAll reads every numeric variable.
func readAll(raw []byte) error {
	return Walk(bytes.NewReader(raw), func(a *Array) error {
		if !a.numeric {
			return nil
		}
		_, err := io.Copy(io.Discard, a)
		return err
	})
}

func TestRefused(t *testing.T) {
	small := load(t, "little_endian.mat")
	change := func(at int, b ...byte) []byte {
		raw := bytes.Clone(small)
		copy(raw[at:], b)
		return raw
	}
	for _, c := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"version 7.3", load(t, "testhdf5_7.4_GLNX86.mat"), "MATLAB 7.3 file, want version 5"},
		{"HDF5", []byte("\x89HDF\r\n\x1a\n" + string(make([]byte, 200))), "MATLAB 7.3"},
		{"version 4", load(t, "testdouble_4.2c_SOL2.mat"), "no MATLAB file of version 5"},
		{"a text", bytes.Repeat([]byte("text "), 40), "no MATLAB file of version 5"},
		{"few bytes", []byte("MATLAB 5.0"), "too few"},
		{"no bytes", nil, "too few"},
		{"byte order", change(126, 'X'), "byte order"},
		{"version 3", change(125, 3), "version is"},
		{"checksum", load(t, "corrupted_zlib_checksum.mat"), "damaged"},
	} {
		if err := readAll(c.raw); err == nil {
			t.Errorf("%s: no error", c.name)
		} else {
			t.Run(c.name, func(t *testing.T) { expect.Error(t, err, c.want) })
		}
	}
	if err := readAll(small); err != nil {
		t.Error(err)
	}
}

// plain is an uncompressed file of one variable x of class uint8.
func plain(dims []uint32, claimed uint32, values []byte) []byte {
	u32 := func(v ...uint32) (b []byte) {
		for _, n := range v {
			b = binary.LittleEndian.AppendUint32(b, n)
		}
		return b
	}
	body := slices.Concat(u32(miUINT32, 8, 9, 0), u32(miINT32, uint32(4*len(dims))), u32(dims...), make([]byte, 4*(len(dims)&1)),
		u32(1<<16|miINT8), []byte("x\x00\x00\x00"), u32(miUINT8, claimed), values)
	head := append(bytes.Repeat([]byte(" "), 124), 0, 1, 'I', 'M')
	copy(head, "MATLAB 5.0 MAT-file")
	return slices.Concat(head, u32(miMATRIX, uint32(len(body))), body)
}

// TestHostile checks that sizes are checked before memory is taken.
func TestHostile(t *testing.T) {
	if err := readAll(plain([]uint32{2, 4}, 8, make([]byte, 8))); err != nil {
		t.Fatal(err)
	}
	big := slices.Repeat([]uint32{1 << 30}, 32)
	for _, c := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"dimensions", plain(big, 8, make([]byte, 8)), "beyond any data set"},
		{"negative", plain([]uint32{1 << 31, 4}, 8, make([]byte, 8)), "beyond any data set"},
		{"too many dimensions", plain(slices.Repeat([]uint32{1}, 40), 1, make([]byte, 8)), "at most 128"},
		{"other product", plain([]uint32{3, 4}, 8, make([]byte, 8)), "claims 8 values"},
		{"more than the array", plain([]uint32{1 << 16, 1 << 15}, 1<<31, make([]byte, 8)), "where 8 are left"},
	} {
		var err error
		expect.Memory(t, 1<<20, func() { err = readAll(c.raw) })
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		t.Run(c.name, func(t *testing.T) { expect.Error(t, err, c.want) })
	}
}

// TestCut checks that every truncated file is an error.
func TestCut(t *testing.T) {
	for _, name := range []string{"test3dmatrix_6.1_SOL2.mat", "test3dmatrix_7.4_GLNX86.mat"} {
		raw := load(t, name)
		for n := range len(raw) {
			if err := readAll(raw[:n]); err == nil && n != headerBytes { // a file without variables
				t.Errorf("%s: %d of %d bytes pass", name, n, len(raw))
			}
		}
	}
}

func TestWrongUse(t *testing.T) {
	err := Walk(bytes.NewReader(load(t, "numbers.mat")), func(a *Array) error {
		switch a.Name {
		case "pixels":
			if err := a.Bytes(4, 5, 3, -1); err != nil {
				t.Error(err)
			}
			expect.Error(t, a.Bytes(4, 5, 3), "want uint8 and [4 5 3]")
			_, err := a.Ints(10)
			expect.Error(t, err, "more than the 10")
		case "negative":
			expect.Error(t, a.Bytes(1, 2), "class int16")
		}
		return nil
	})
	expect.NoError(t, err)
	err = Walk(bytes.NewReader(load(t, "testcomplex_7.4_GLNX86.mat")), func(a *Array) error {
		_, err := a.Ints(10)
		return err
	})
	expect.Error(t, err, "testcomplex", "real numbers")
	err = Walk(bytes.NewReader(load(t, "testdouble_7.4_GLNX86.mat")), func(a *Array) error {
		_, err := a.Ints(10)
		return err
	})
	expect.Error(t, err, "testdouble", "whole number")
}

// FuzzWalk checks that the file's size bounds the memory.
func FuzzWalk(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.mat")
	expect.NoError(f, err)
	for _, seed := range seeds {
		raw, err := os.ReadFile(seed)
		expect.NoError(f, err)
		f.Add(raw)
	}
	f.Add(plain([]uint32{2, 4}, 8, make([]byte, 8)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		expect.Memory(t, 1<<22+4096*len(raw), func() {
			_ = Walk(bytes.NewReader(raw), func(a *Array) error {
				_, err := a.Ints(1 << 16)
				return err
			})
		})
	})
}
