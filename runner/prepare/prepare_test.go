package prepare

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
)

// config prepares a small data set into a new folder.
func config(t *testing.T, from, name string) Config {
	t.Helper()
	return Config{From: from, Out: filepath.Join(t.TempDir(), name), Train: 10, Val: 3, Test: -1, Seed: 42}
}

func run(c Config) (*Record, string, error) {
	var b bytes.Buffer
	r, err := Run(context.Background(), c, runner.UI{Out: &b, Err: &b, Version: "test"})
	return r, b.String(), err
}

// prepared runs a preparation that must succeed.
func prepared(t *testing.T, c Config) *Record {
	t.Helper()
	r, out, err := run(c)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return r
}

// refused runs a preparation that must fail with these words and leave nothing behind.
func refused(t *testing.T, c Config, words ...string) error {
	t.Helper()
	before := names(t, filepath.Dir(c.Out))
	_, _, err := run(c)
	if err == nil {
		t.Errorf("no error, want one with %q", words)
		return nil
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q lacks %q", err, word)
		}
	}
	if after := names(t, filepath.Dir(c.Out)); after != before {
		t.Errorf("left behind: %s; before: %s", after, before)
	}
	return err
}

// wrongUse reports whether an error is a usage error.
func wrongUse(err error) bool {
	var usage *runner.UsageError
	return errors.As(err, &usage)
}

func names(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if os.IsNotExist(err) {
		return ""
	}
	expect.NoError(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

// expectation is an image as another program reads it.
type expectation struct {
	Label  int
	SHA256 string
}

func expectations(t *testing.T, file string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	expect.NoError(t, err)
	expect.NoError(t, json.Unmarshal(raw, into))
}

// check compares the images of a list with the expected ones, in order. sum hashes the content of a file.
func check(t *testing.T, root, list string, want []expectation, sum func(t *testing.T, content []byte) string) {
	t.Helper()
	items := items(t, root, list)
	if len(items) != len(want) || len(want) == 0 {
		t.Errorf("%s has %d images, want %d", list, len(items), len(want))
		return
	}
	for i, item := range items {
		content, err := os.ReadFile(item.Path)
		expect.NoError(t, err)
		got := sum(t, content)
		if item.Label != want[i].Label || got[:len(want[i].SHA256)] != want[i].SHA256 {
			t.Errorf("%s: %s has label %d and sum %s, want %d and %s", list, item.Name, item.Label, got, want[i].Label, want[i].SHA256)
		}
	}
}

// items reads a list as training does.
func items(t *testing.T, root, list string) []data.Item {
	t.Helper()
	set, err := data.Open(root)
	expect.NoError(t, err)
	split, err := set.Split(map[string]string{"train800": data.Train, "val200": data.Val, "train800val200": data.TrainVal, "test": data.Test}[list])
	expect.NoError(t, err)
	return split
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// sumFile hashes the file.
func sumFile(_ *testing.T, content []byte) string { return sumOf(content) }

// sumPixels hashes the pixels [H, W, 3] of a PNG.
func sumPixels(t *testing.T, content []byte) string {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(content))
	expect.NoError(t, err)
	var pixels []byte
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			if c.A != 255 {
				t.Fatal("a transparent pixel")
			}
			pixels = append(pixels, c.R, c.G, c.B)
		}
	}
	return sumOf(pixels)
}

// imageFile writes a PNG that differs for every n.
func imageFile(t *testing.T, path string, n int) {
	t.Helper()
	expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
	img := image.NewGray16(image.Rect(0, 0, 2, 2))
	img.SetGray16(0, 0, color.Gray16{uint16(n)})
	encoded, err := encode(img)
	expect.NoError(t, err)
	expect.NoError(t, os.WriteFile(path, encoded, 0o666))
}
