package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// TestSeveral: a model of several labels for an image predicts all labels above the threshold; what can't use it says so.
func TestSeveral(t *testing.T) {
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
	data, out := filepath.Join(dir, "table.csv"), filepath.Join(dir, "run")
	write(t, data, []byte("path,label,split\n"+table.String()))
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
	cli(t, "merge", "--backbone", fixture.backbone, "--adapter", adapter, "--out", filepath.Join(dir, "merged.npz")).want(t, exitFailed, "was trained with --loss bce")
}
