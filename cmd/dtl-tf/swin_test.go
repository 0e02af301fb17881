package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// tinySwin is a Swin of two stages on which a whole run takes a fraction of a second. The grid of its last stage is 4 x 4.
const tinySwin = "swin:image=16,patch=2,window=4,width=8,depths=2-2,heads=1-2"

// swinFile writes a Swin with random weights.
func swinFile(t *testing.T) string {
	t.Helper()
	arch, err := backbone.Parse(tinySwin)
	expect.NoError(t, err)
	bb, err := backbone.Random(arch, 1)
	expect.NoError(t, err)
	path := filepath.Join(t.TempDir(), "swin.npz")
	expect.NoError(t, writeNPZ(path, bb.Weights))
	return path
}

// TestSwin trains on a Swin, continues, evaluates, predicts and exports; all agree.
func TestSwin(t *testing.T) {
	swin := swinFile(t)
	on := func(out string, more ...string) []string {
		return tune(out, append([]string{"--backbone", swin, "--image-size", "16", "--checkpoint-every", "1"}, more...)...)
	}
	out := filepath.Join(t.TempDir(), "run")
	flags := []string{"--method", "dtl+", "--feature-cache", t.TempDir()}
	o := cli(t, on(out, flags...)...)
	o.want(t, exitDone, "5 tensors of dtl+ (", "do not train: nothing depends on them", "feature cache:")
	if !strings.Contains(o.out, "used)") {
		t.Errorf("the table lacks the used parameters:\n%s", o.out)
	}
	if p := readRun(t, out).Parameters; p.Unused == 0 || p.Unused >= p.Trainable {
		t.Errorf("run.json has %+v", p)
	}
	stopped := unfinished(t, out)
	cli(t, append(on(stopped, flags...), "--resume")...).want(t, exitDone, "resuming after the last epoch")
	sameResult(t, stopped, out)

	adapter := filepath.Join(out, result.AdapterFile)
	with := []string{"--backbone", swin, "--adapter", adapter}
	cli(t, append([]string{"eval", "--data", fixture.data}, with...)...).want(t, exitDone)
	images, err := filepath.Glob(filepath.Join("testdata", "predict", "*.png"))
	expect.NoError(t, err)
	want := predictions(t, append(append([]string{"predict"}, with...), images...)...)
	model := filepath.Join(t.TempDir(), "model")
	cli(t, append([]string{"export", "--out", model}, with...)...).want(t, exitDone)
	sameLogits(t, predictions(t, append([]string{"predict", "--saved-model", model}, images...)...), want, 1e-5)

	// A backbone as a SavedModel has the same weights, so the adapter fits.
	saved := filepath.Join(t.TempDir(), "saved")
	cli(t, "backbone", "export", swin, "--image-size", "16", "--out", saved).want(t, exitDone)
	sameLogits(t, predictions(t, append([]string{"predict", "--backbone", saved, "--adapter", adapter}, images...)...), want, 1e-5)

	cli(t, evalArgs(adapter)...).want(t, exitFailed, "was trained on a Swin", "is a ViT: it does not fit")
	cli(t, "eval", "--backbone", swin, "--adapter", filepath.Join(dtlRun(t), result.AdapterFile), "--data", fixture.data).
		want(t, exitFailed, "was trained on a ViT", swin+" is a Swin: it does not fit")
	none := filepath.Join(t.TempDir(), "none")
	cli(t, tune(none, "--init-adapter", adapter)...).want(t, exitFailed, "was trained on a Swin", "is a ViT: it does not fit")
	absent(t, none)

	lora, merged := filepath.Join(t.TempDir(), "lora"), filepath.Join(t.TempDir(), "merged.npz")
	cli(t, on(lora, "--method", "lora")...).want(t, exitDone)
	with[3] = filepath.Join(lora, result.AdapterFile)
	cli(t, append([]string{"merge", "--out", merged}, with...)...).want(t, exitDone)
	sameLogits(t, predictions(t, append([]string{"predict", "--backbone", merged}, images...)...),
		predictions(t, append(append([]string{"predict"}, with...), images...)...), 1e-5)
}

// TestSwinRefused: what a Swin cannot do is an error before anything is written.
func TestSwinRefused(t *testing.T) {
	swin := swinFile(t)
	for _, c := range []struct {
		name  string
		flags []string
		texts []string
	}{
		{"pool", []string{"--pool", "cls"}, []string{"--pool: cls needs a class token, and a Swin has none: use mean"}},
		{"kernel", []string{"--method", "dtl+", "--kernel", "5"}, []string{"--kernel 5 is not possible: choose 1 to 4, the side of the last stage's grid"}},
		{"side", []string{"--side-from", "3", "--feedback-from", "2"}, []string{"--side-from 3 is not possible: the feedback starts at block 2"}},
		{"noah", []string{"--method", "noah"}, []string{"--method noah is not possible", "2 stages"}},
		{"fact-tt", []string{"--method", "fact-tt"}, []string{"--method fact-tt is not possible", "2 stages"}},
		{"fact-tk", []string{"--method", "fact-tk"}, []string{"--method fact-tk is not possible", "2 stages"}},
		{"lst", []string{"--method", "lst"}, []string{"--method lst is not possible", "2 stages"}},
		{"odd grid", []string{"--image-size", "18"}, []string{"an image of 18 pixels has a grid of 9 x 9 patches in stage 0", "choose another --image-size, such as 16 or 32"}},
		{"patches", []string{"--image-size", "17"}, []string{"an image of 17 pixels can't be cut into patches of 2", "such as 16 or 32"}},
		{"windows", []string{"--image-size", "20"}, []string{"which can't be cut into windows of 4 x 4", "such as 16 or 32"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			cli(t, tune(out, append([]string{"--backbone", swin, "--image-size", "16"}, c.flags...)...)...).want(t, exitUsage, c.texts...)
			absent(t, out)
		})
	}
}

// absent checks that nothing was written.
func absent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		t.Errorf("%s exists", path)
	}
}

// TestSwinCompare: methods that do not apply are listed with the reason, and no number of a ViT is quoted.
func TestSwinCompare(t *testing.T) {
	t.Setenv(childVariable, wholeProgram) // of the processes that measure
	o := cli(t, "compare", "--backbone", tinySwin, "--methods", "full,fact-tk,dtl+", "--batch", "2", "--steps", "1", "--out", t.TempDir())
	o.want(t, exitDone)
	for _, text := range []string{"fact-tk: --method fact-tk is not possible", "used)", "none is quoted", "100 %"} {
		if !strings.Contains(strings.Join(strings.Fields(o.out), " "), text) {
			t.Errorf("the table lacks %q:\n%s", text, o.out)
		}
	}
	if strings.Contains(o.out, "quoted*") {
		t.Errorf("numbers of a ViT are quoted:\n%s", o.out)
	}
	cli(t, "compare", "--backbone", "swin:image=16", "--out", t.TempDir()).want(t, exitUsage, "--backbone")
}
