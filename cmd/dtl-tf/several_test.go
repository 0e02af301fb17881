package main

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/infer"
	"dtl-tf/runner/result"
)

// severalTable makes a data set of 16 images with up to two labels, 0.png to 15.png beside the table.
func severalTable(t *testing.T) string {
	t.Helper()
	dtlRun(t)
	dir := t.TempDir()
	images, err := filepath.Glob(filepath.Join(fixture.data, "images", "*"))
	expect.NoError(t, err)
	if len(images) < 16 {
		t.Fatalf("%d images in %s", len(images), fixture.data)
	}
	var table strings.Builder
	for i := range 16 {
		name := fmt.Sprintf("%d.png", i)
		write(t, filepath.Join(dir, name), read(t, images[i]))
		labels := []string{"", "hue", "shade", "hue|shade"}[i%4]
		split := "train"
		if i >= 12 {
			split = "test"
		}
		fmt.Fprintf(&table, "%s,%s,%s\n", name, labels, split)
	}
	return write(t, filepath.Join(dir, "table.csv"), []byte("path,label,split\n"+table.String()))
}

// TestSeveral: a model of several labels for an image predicts all labels above the threshold; what can't use it says so.
func TestSeveral(t *testing.T) {
	data := severalTable(t)
	dir := filepath.Dir(data)
	out := filepath.Join(dir, "run")
	cli(t, tune(out, "--data", data, "--method", "linear", "--feature-cache", "off", "--loss", "bce")...).want(t, exitDone)
	if !exists(out, result.EvaluationFile) || !exists(out, result.ReportFile) {
		t.Error("the evaluation has no figures or no page")
	}
	adapter := filepath.Join(out, result.AdapterFile)
	predict := []string{"predict", "--backbone", fixture.backbone, "--adapter", adapter, filepath.Join(dir, "3.png")}
	if o := cli(t, append(predict, "--threshold", "0.0001")...); !strings.Contains(o.out, "hue\t0.") || !strings.Contains(o.out, "shade\t0.") || strings.Contains(o.err, "unsure") {
		t.Errorf("%q, %s", o.out, o.err)
	}
	if o := cli(t, append(predict, "--threshold", "1")...); !strings.HasSuffix(o.out, "3.png\tnone\n") {
		t.Errorf("nothing is certain: %q", o.out)
	}
	if o := cli(t, append(predict, "--threshold", "0.0001", "--csv")...); strings.Count(o.out, "3.png,") != 2 {
		t.Errorf("CSV: %q", o.out)
	}
	if o := cli(t, append(predict, "--json")...); !strings.Contains(o.out, `"labels":[`) {
		t.Errorf("JSON: %q", o.out)
	}
	cli(t, append(predict, "--top-k", "2")...).want(t, exitUsage, "--top-k 2 is not possible: the adapter was trained with --loss bce")
	cli(t, evalOn(data, adapter)...).want(t, exitDone)
	cli(t, evalArgs(adapter)...).want(t, exitUsage, "was trained with --loss bce, so give a table of images with labels")
	cli(t, "export", "--backbone", fixture.backbone, "--adapter", adapter, "--out", filepath.Join(dir, "saved")).want(t, exitDone)
}

// TestSeveralValidation: validation images without a class can't choose an epoch, and classes that they lack are noted.
func TestSeveralValidation(t *testing.T) {
	data := severalTable(t)
	table := string(read(t, data))
	run := func(table string, more ...string) outcome {
		write(t, data, []byte(table))
		return cli(t, tune(filepath.Join(filepath.Dir(data), "run"), append([]string{"--data", data, "--method", "linear", "--loss", "bce", "--overwrite"}, more...)...)...)
	}
	nothing := strings.Replace(strings.Replace(table, "0.png,,train", "0.png,,val", 1), "4.png,,train", "4.png,,val", 1)
	run(nothing, "--select", "best").want(t, exitUsage, "no validation image of "+data+" has a class")
	run(nothing).want(t, exitDone, "no validation image has a class: val_map means nothing")
	run(strings.Replace(nothing, "1.png,hue,train", "1.png,hue,val", 1), "--select", "best").want(t, exitDone, "classes without validation images, which val_map leaves out: 1 of 2")
}

// TestSeveralOwnHead: a backbone with a head of several labels, merged or trained as a whole, answers as with the adapter.
func TestSeveralOwnHead(t *testing.T) {
	data := severalTable(t)
	picture := filepath.Join(filepath.Dir(data), "3.png")
	for _, method := range []string{"lora", "full"} {
		out := filepath.Join(t.TempDir(), "run")
		cli(t, tune(out, "--data", data, "--method", method, "--loss", "bce")...).want(t, exitDone)
		adapter, base, own := filepath.Join(out, result.AdapterFile), fixture.backbone, filepath.Join(out, "backbone.npz")
		if method == "full" {
			base = own
		} else {
			own = filepath.Join(out, "merged.npz")
			cli(t, "merge", "--backbone", base, "--adapter", adapter, "--out", own).want(t, exitDone)
		}
		labels := func(from ...string) (list []infer.Choice) {
			o := cli(t, append([]string{"predict", "--json", "--threshold", "0.0001", picture}, from...)...)
			o.want(t, exitDone)
			var p infer.Prediction
			if err := json.Unmarshal([]byte(o.out), &p); err != nil || p.Labels == nil || len(*p.Labels) != 2 {
				t.Fatalf("%s: %v in %s", method, err, o.out)
			}
			return *p.Labels
		}
		want, got := labels("--backbone", base, "--adapter", adapter), labels("--backbone", own)
		for i := range want {
			if want[i].Class == "" || got[i].Class != want[i].Class || math.Abs(got[i].Probability-want[i].Probability) > 1e-5 {
				t.Errorf("%s: %v with the adapter, %v of the own head", method, want, got)
			}
		}
		eval := func(data string) outcome { return cli(t, "eval", "--backbone", own, "--split", "test", "--data", data) }
		if o := eval(data); o.code != exitDone || !strings.Contains(o.out, "mAP ") {
			t.Errorf("%s: %q %s", method, o.out, o.err)
		}
		eval(fixture.data).want(t, exitUsage, "the backbone's own head was trained with --loss bce")
		cli(t, "predict", "--backbone", own, "--top-k", "2", picture).want(t, exitUsage, "the backbone's own head was trained with --loss bce")
		sidecar := strings.TrimSuffix(own, ".npz") + ".json"
		write(t, sidecar, []byte(`{"loss": "ce"}`))
		eval(data).want(t, exitFailed, `a loss "ce" is not possible`)
		write(t, sidecar, []byte(`{"loss": "bce", "classes": ["hue"]}`))
		eval(data).want(t, exitFailed, "names 1 classes, and the own head has 2")
	}
}
