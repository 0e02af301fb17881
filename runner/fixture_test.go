package runner

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/weight"
)

// tiny is an architecture on which a whole run takes a fraction of a second.
const tiny = "vit:image=8,patch=4,width=16,depth=1,heads=2,mlp=32"

// smallRun is the configuration of a run of two epochs on twelve images of three colours, from files in a fresh folder.
func smallRun(t *testing.T) FineTuneConfig {
	t.Helper()
	dir := t.TempDir()
	arch, err := backbone.Parse(tiny)
	try(t, err)
	bb, err := backbone.Random(arch, 1)
	try(t, err)
	var b bytes.Buffer
	try(t, weight.WriteNPZ(&b, bb.Weights))
	try(t, os.WriteFile(filepath.Join(dir, "tiny.npz"), b.Bytes(), 0o666))
	data := filepath.Join(dir, "data")
	try(t, os.Mkdir(data, 0o777))
	var list strings.Builder
	for i := range 12 {
		name := fmt.Sprintf("%02d.png", i)
		writeImage(t, filepath.Join(data, name), uint8(80*(i%3)), uint8(i))
		fmt.Fprintf(&list, "%s %d\n", name, i%3)
	}
	for _, split := range []string{"train", "test"} {
		try(t, os.WriteFile(filepath.Join(data, split+".txt"), []byte(list.String()), 0o666))
	}
	return FineTuneConfig{
		Data: data, Out: filepath.Join(dir, "run"), Backbone: BackboneConfig{Path: filepath.Join(dir, "tiny.npz")},
		Init: InitPretrained, Method: MethodConfig{Method: "linear"}, Epochs: 2, Batch: 6, LearningRate: 0.01, Schedule: "cosine",
		Shuffle: true, Augment: AugmentNone, Seed: 1, Recompute: RecomputeNone, Precision: FP32, CacheMiB: 1, CheckpointEvery: 1,
	}
}

// writeImage makes a PNG of 8 x 8 pixels of one colour.
func writeImage(t *testing.T, path string, red, green uint8) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 8, 8))
	for i := range 64 {
		img.Set(i%8, i/8, color.RGBA{red, green, 0, 255})
	}
	var b bytes.Buffer
	try(t, png.Encode(&b, img))
	try(t, os.WriteFile(path, b.Bytes(), 0o666))
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks that an error is there and holds the texts.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", texts)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v lacks %q", err, text)
		}
	}
}
