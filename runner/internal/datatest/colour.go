// Package datatest makes small data sets for tests.
package datatest

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// Colours writes a data set into a folder: twelve images of the classes 0, 1 and 2 with red 0, 80 and 160, all listed both for
// training and for testing.
func Colours(t testing.TB, folder string) {
	t.Helper()
	expect.NoError(t, os.MkdirAll(folder, 0o777))
	var list strings.Builder
	for i := range 12 {
		name := fmt.Sprintf("%02d.png", i)
		Image(t, filepath.Join(folder, name), uint8(80*(i%3)), uint8(i))
		fmt.Fprintf(&list, "%s %d\n", name, i%3)
	}
	for _, split := range []string{"train", "test"} {
		expect.NoError(t, os.WriteFile(filepath.Join(folder, split+".txt"), []byte(list.String()), 0o666))
	}
}

// Image writes a PNG of 8 x 8 pixels of one colour.
func Image(t testing.TB, path string, red, green uint8) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 8, 8))
	for i := range 64 {
		img.Set(i%8, i/8, color.RGBA{red, green, 0, 255})
	}
	encode(t, path, img)
}

func encode(t testing.TB, path string, img image.Image) {
	t.Helper()
	f, err := os.Create(path)
	expect.NoError(t, err)
	expect.NoError(t, png.Encode(f, img))
	expect.NoError(t, f.Close())
}

// Framed is Colours with test images in a frame of the next class's colour: side x side pixels, of which the central 12 x 12 have the
// colour of the class.
func Framed(t testing.TB, folder string, side int) {
	t.Helper()
	Colours(t, folder)
	var list strings.Builder
	for i := range 12 {
		name := fmt.Sprintf("framed%02d.png", i)
		img := image.NewRGBA(image.Rect(0, 0, side, side))
		for y := range side {
			for x := range side {
				class := i % 3
				if min(x, y) < side/2-6 || max(x, y) >= side/2+6 { // room for the filter
					class = (i + 1) % 3
				}
				img.Set(x, y, color.RGBA{uint8(80 * class), uint8(i), 0, 255})
			}
		}
		encode(t, filepath.Join(folder, name), img)
		fmt.Fprintf(&list, "%s %d\n", name, i%3)
	}
	expect.NoError(t, os.WriteFile(filepath.Join(folder, "test.txt"), []byte(list.String()), 0o666))
}
