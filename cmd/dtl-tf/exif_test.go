package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"image"
	"image/color"
	"image/png"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
)

// pillowUpright writes a PNG of what Pillow's ImageOps.exif_transpose makes of an image of runner/data's vectors.
func pillowUpright(t *testing.T, name string) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(read(t, "..", "..", "runner", "data", "testdata", name+".upright")))
	expect.NoError(t, err)
	r := bufio.NewReader(z)
	head, err := r.ReadBytes('\n')
	expect.NoError(t, err)
	var size struct{ Height, Width int }
	decode(t, head, &size)
	pix, err := io.ReadAll(r)
	expect.NoError(t, err)
	m := image.NewRGBA(image.Rect(0, 0, size.Width, size.Height))
	for i := range size.Height * size.Width {
		m.Set(i%size.Width, i/size.Width, color.RGBA{pix[3*i], pix[3*i+1], pix[3*i+2], 255})
	}
	var b bytes.Buffer
	expect.NoError(t, png.Encode(&b, m))
	return write(t, filepath.Join(t.TempDir(), name+".png"), b.Bytes())
}

// TestExif: an adapter says whether images are turned upright, and predict and the exported model do that. The default turns those of
// class folders and not those of lists.
func TestExif(t *testing.T) {
	const name = "exif6.jpg"
	turned, upright := filepath.Join("..", "..", "runner", "data", "testdata", name), pillowUpright(t, name)
	predict := func(run, path string) []prediction {
		return predictions(t, "predict", "--backbone", fixture.backbone, "--adapter", filepath.Join(run, result.AdapterFile), path)
	}
	lists, on := dtlRun(t), trained(t, "--exif", "on")
	want := predict(on, upright)
	sameLogits(t, predict(lists, upright), want, 0) // no image of the fixture is turned
	sameLogits(t, predict(on, turned), want, 0)
	if got := predict(lists, turned); got[0].Logits[0] == want[0].Logits[0] {
		t.Error("without --exif the orientation does not matter")
	}
	for run, setting := range map[string]string{on: "on", lists: "off"} {
		adapter, err := weight.Open(filepath.Join(run, result.AdapterFile))
		expect.NoError(t, err)
		if got := adapter.Metadata[result.KeyExif]; got != setting || !strings.Contains(string(readRun(t, run).Config), `"exif": "`+setting+`"`) {
			t.Errorf("the adapter says %q, run.json %s: want %s", got, readRun(t, run).Config, setting)
		}
	}
	model := filepath.Join(t.TempDir(), "model")
	adapter := filepath.Join(on, result.AdapterFile)
	cli(t, "export", "--out", model, "--backbone", fixture.backbone, "--adapter", adapter).want(t, exitDone)
	sameLogits(t, predictions(t, "predict", "--saved-model", model, turned), want, 1e-5)
	cli(t, "predict", "--backbone", fixture.backbone, "--adapter", "a="+adapter, "--adapter", "b="+filepath.Join(lists, result.AdapterFile), turned).
		want(t, exitFailed, "was trained on images as they are stored (--exif off), and "+adapter+" on images turned upright as EXIF says (--exif on): they can't share a pass")
	cli(t, tune(t.TempDir(), "--exif", "maybe")...).want(t, exitUsage, `--exif "maybe" is unknown: use one of auto, on, off`)
}

// TestExifResume: a run of an earlier version, which did not turn images, is resumed as it began.
func TestExifResume(t *testing.T) {
	root := folders(t, t.TempDir(), "train", 4, spices)
	out := filepath.Join(t.TempDir(), "run")
	old := tune(out, "--data", root, "--exif", "off", "--epochs", "1")
	cli(t, old...).want(t, exitDone)
	file := filepath.Join(out, result.RunFile)
	before := string(read(t, file))
	without := strings.Replace(before, `"exif": "off",`, "", 1)
	if without == before {
		t.Fatalf("run.json has no exif: %s", before)
	}
	write(t, file, []byte(without))
	again := tune(out, "--data", root, "--epochs", "1", "--resume")
	cli(t, again...).want(t, exitDone, "is finished")
	cli(t, append(again, "--exif", "on")...).want(t, exitUsage, "--exif was off and is on now")
}
