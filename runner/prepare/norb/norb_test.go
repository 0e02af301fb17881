package norb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"dtl-tf/graph/expect"
)

// file is a matrix with a header of these words.
func file(values string, words ...uint32) []byte {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return append(b, values...)
}

// TestHeader reads headers in the form that the home page of smallNORB describes.
func TestHeader(t *testing.T) {
	for _, c := range []struct {
		raw  []byte
		want string
	}{
		{file("", 0x1E3D4C55, 4, 24300, 2, 96, 96), "[24300 2 96 96]"},
		{file("", 0x1E3D4C54, 2, 24300, 4, 1), "[24300 4]"},
		{file("", 0x1E3D4C54, 1, 24300, 1, 1), "[24300]"},
	} {
		h, err := ReadHeader(bytes.NewReader(c.raw))
		if err != nil || fmt.Sprint(h.Shape) != c.want {
			t.Errorf("%v, %v; want %s", h.Shape, err, c.want)
		}
		for n := range len(c.raw) {
			_, err := ReadHeader(bytes.NewReader(c.raw[:n]))
			expect.Error(t, err, "cut off")
		}
	}
	row := make([]int, 2)
	expect.NoError(t, ReadInts(bytes.NewReader(file("", 3, 0xffffffff)), row))
	if row[0] != 3 || row[1] != -1 {
		t.Errorf("%v", row)
	}
	expect.Error(t, ReadInts(bytes.NewReader(file("abc", 3)), row), "cut off")
	expect.Error(t, ReadBytes(bytes.NewReader([]byte("abc")), make([]byte, 4)), "cut off")
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		raw  []byte
		want string
	}{
		{[]byte("MATLAB 5.0 MAT-file"), "no matrix of NORB"},
		{file("", 0x1E3D4C53, 2, 3, 4, 1), "float64, want uint8 or int32"},
		{file("", Uint8, 1<<31, 3, 4, 1), "at most 8"},
		{file("", Uint8, 4, 1<<31-1, 1<<31-1, 1<<31-1, 1<<31-1), "dimension 1"},
		{file("", Uint8, 2, 3, 0, 1), "dimension 1 is 0"},
		{file("", Uint8, 2, 3, 0xffffffff, 1), "dimension 1 is -1"},
		{file("", Uint8, 2, 3, 4, 5), "dimension 2 is 5"},
	} {
		_, err := ReadHeader(bytes.NewReader(c.raw))
		expect.Error(t, err, c.want)
	}
}

// FuzzReadHeader checks that no header leads to more values than a data set can have.
func FuzzReadHeader(f *testing.F) {
	f.Add(file("", Uint8, 4, 24300, 2, 96, 96))
	f.Add(file("", Int32, 2, 24300, 4, 1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := ReadHeader(bytes.NewReader(raw))
		if err != nil {
			return
		}
		values := 1
		for _, n := range h.Shape {
			values *= n
			if n < 1 || values > maxValues || values < 1 {
				t.Fatalf("shape %v", h.Shape)
			}
		}
	})
}
