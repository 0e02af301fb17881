package prepare

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/prepare/order"
)

// TestWholeSprites prepares an .npz as large as dSprites, 3 GB unpacked, whose images encode their row.
func TestWholeSprites(t *testing.T) {
	need.Heavy(t, "takes minutes and 3 GB")
	path := filepath.Join(t.TempDir(), "dsprites.npz")
	f, err := os.Create(path)
	expect.NoError(t, err)
	z := zip.NewWriter(f)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	w, err := z.Create("imgs.npy")
	expect.NoError(t, err)
	b := bufio.NewWriterSize(w, 1<<20)
	header := fmt.Sprintf("%-117s\n", "{'descr': '|u1', 'fortran_order': False, 'shape': (737280, 64, 64), }")
	fmt.Fprintf(b, "\x93NUMPY\x01\x00%c\x00%s", len(header), header)
	for row := range 737280 {
		pixels := make([]byte, 64*64)
		for bit := range 20 {
			copy(pixels[64*3*bit:], bytes.Repeat([]byte{byte(row >> bit & 1)}, 128))
		}
		b.Write(pixels)
	}
	expect.NoError(t, b.Flush())
	expect.NoError(t, z.Close())
	expect.NoError(t, f.Close())

	c := Config{From: path, Out: filepath.Join(t.TempDir(), "dsprites_ori"), Train: 800, Val: 200, Test: -1}
	r := prepared(t, c)
	if !r.Official || r.Task != "dsprites_ori" || r.Counts["test"] != 73728 {
		t.Errorf("official %v, %v, %q", r.Official, r.Counts, r.Remarks)
	}
	rows := order.Rows("train", 737280)
	for list, from := range map[string]int{"train800": 0, "val200": 589824, "test": 663552} {
		for i, item := range items(t, c.Out, list) {
			raw, err := os.ReadFile(item.Path)
			expect.NoError(t, err)
			img, err := png.Decode(bytes.NewReader(raw))
			expect.NoError(t, err)
			row := 0
			for bit := range 20 {
				if img.(*image.Gray).GrayAt(0, 3*bit).Y == 255 {
					row |= 1 << bit
				}
			}
			if row != rows[from+i] {
				t.Fatalf("%s, image %d is row %d, want %d", list, i, row, rows[from+i])
			}
		}
	}
}
