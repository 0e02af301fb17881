package main

import (
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// pairOfImages writes a random image of 8 x 8 pixels, and one of 14 x 14 whose centre it is.
func pairOfImages(t *testing.T) (centre, framed string) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	large := image.NewRGBA(image.Rect(0, 0, 14, 14))
	for i := range 14 * 14 {
		large.Set(i%14, i/14, color.RGBA{uint8(r.UintN(256)), uint8(r.UintN(256)), uint8(r.UintN(256)), 255})
	}
	dir := t.TempDir()
	save := func(name string, m image.Image) string {
		f, err := os.Create(filepath.Join(dir, name))
		expect.NoError(t, err)
		defer f.Close()
		expect.NoError(t, png.Encode(f, m))
		return f.Name()
	}
	return save("centre.png", large.SubImage(image.Rect(3, 3, 11, 11))), save("framed.png", large)
}

// TestTestResize: an adapter says how test images are made, and predict, eval and the exported model do that.
func TestTestResize(t *testing.T) {
	centre, framed := pairOfImages(t)
	plain, resized := trained(t), trained(t, "--test-resize", "14", "--test-crop", "8")
	predict := func(run, path string) []prediction {
		return predictions(t, "predict", "--backbone", fixture.backbone, "--adapter", filepath.Join(run, result.AdapterFile), path)
	}
	want := predict(plain, centre)
	sameLogits(t, predict(resized, framed), want, 0)
	if got := predict(plain, framed); got[0].Logits[0] == want[0].Logits[0] {
		t.Error("without --test-resize the frame does not matter")
	}
	adapter := filepath.Join(resized, result.AdapterFile)
	if a := readRun(t, resized).Accuracy; a.Resize != 14 || a.Crop != 8 || a.Top1 != top1(t, evalArgs(adapter)...) {
		t.Errorf("accuracy %+v, eval says %v", a, top1(t, evalArgs(adapter)...))
	}
	model := filepath.Join(t.TempDir(), "model")
	cli(t, "export", "--out", model, "--backbone", fixture.backbone, "--adapter", adapter).want(t, exitDone)
	sameLogits(t, predictions(t, "predict", "--saved-model", model, framed), want, 1e-5)

	merged := filepath.Join(t.TempDir(), "merged.npz")
	method := trained(t, "--test-resize", "14", "--method", "lora")
	cli(t, "merge", "--out", merged, "--backbone", fixture.backbone, "--adapter", filepath.Join(method, result.AdapterFile)).
		want(t, exitDone, "the adapter scales images to 14 x 14 and cuts out the centre")
	out := filepath.Join(t.TempDir(), "run")
	cli(t, tune(out, "--init-adapter", adapter)...).want(t, exitDone, "was tested on images scaled to 14 x 14", "--test-resize 14 does that here")
}

// TestBadTestResize: metadata that can't be are named.
func TestBadTestResize(t *testing.T) {
	a, err := result.ReadAdapter(filepath.Join(dtlRun(t), result.AdapterFile))
	expect.NoError(t, err)
	for _, n := range []int{-1, 7, 1 << 20} {
		a.Meta[result.KeyTestResize] = strconv.Itoa(n)
		path := filepath.Join(t.TempDir(), "a.safetensors")
		expect.NoError(t, writeSafetensors(path, a.Tensors, a.Meta))
		cli(t, predictArgs(path)...).want(t, exitFailed, path, "test_resize is "+strconv.Itoa(n))
	}
}

// TestSmallData: images that are fewer than a batch are one batch.
func TestSmallData(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	root := newData(t, map[string]int{"train800val200": 7, "test": 3})
	cli(t, tune(out, "--data", root)...).want(t, exitDone, "--batch 8: there are 7 images, which are one batch")
	if steps := readRun(t, out).Progress.Steps; steps != 3 {
		t.Errorf("%d steps in 3 epochs", steps)
	}
	write(t, filepath.Join(root, "images", "train800val200_03.png"), []byte("<html>"))
	for _, cache := range []string{"off", "auto"} {
		cli(t, tune(out, "--data", root, "--skip-bad-images", "--overwrite", "--feature-cache", cache)...).
			want(t, exitDone, "--batch 8: there are 6 images, which are one batch", "train800val200_03.png")
		if r := readRun(t, out); r.Progress.Steps != 3 || r.Data.Skipped != 1 {
			t.Errorf("%d steps in 3 epochs, %d images left out", r.Progress.Steps, r.Data.Skipped)
		}
	}
}
