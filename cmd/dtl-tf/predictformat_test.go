package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// table reads a CSV file.
func table(t *testing.T, raw []byte) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	expect.NoError(t, err)
	return rows
}

// TestPredictFormats: --top-k, --threshold and --csv, for one adapter and for several.
func TestPredictFormats(t *testing.T) {
	adapter := filepath.Join(dtlRun(t), result.AdapterFile)
	images := testImages(t)
	plain := predictions(t, append([]string{"predict", "--backbone", fixture.backbone, "--adapter", adapter}, images...)...)
	least, most := 1.0, 0.0
	for _, p := range plain {
		least, most = min(least, p.Probability), max(most, p.Probability)
	}
	threshold := (least + most) / 2
	args := func(more ...string) []string {
		return append(append([]string{"predict", "--backbone", fixture.backbone, "--adapter", adapter, "--top-k", "5", "--threshold", fmt.Sprint(threshold)}, more...), images...)
	}
	o := cli(t, args()...)
	unsure := 0
	for i, line := range strings.Split(strings.TrimSpace(o.out), "\n") {
		cells := strings.Split(line, "\t")
		want := 7 // an image, and three classes with their probabilities
		if plain[i].Probability < threshold {
			unsure++
			want++
		}
		if len(cells) != want || cells[0] != plain[i].Image || cells[1] != fmt.Sprint(plain[i].Label) || want == 8 && cells[7] != "unsure" {
			t.Errorf("line %q", line)
		}
	}
	if unsure == 0 || unsure == 12 {
		t.Fatalf("%d of 12 are below %v", unsure, threshold)
	}
	o.want(t, exitDone, fmt.Sprintf("unsure, with a probability below %v: %d of 12 predictions", threshold, unsure))

	rows := table(t, []byte(cli(t, args("--csv")...).out))
	if got, want := strings.Join(rows[0], ","), "image,label,class,probability,unsure,label_2,class_2,probability_2,label_3,class_3,probability_3,label_4,class_4,probability_4,label_5,class_5,probability_5"; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	for i, row := range rows[1:] {
		if row[0] != plain[i].Image || row[1] != fmt.Sprint(plain[i].Label) || row[3] != fmt.Sprint(plain[i].Probability) || row[4] != fmt.Sprint(plain[i].Probability < threshold) || row[8] == "" || row[11] != "" {
			t.Errorf("row %q of %+v", row, plain[i])
		}
	}
	for i, line := range strings.Split(strings.TrimSpace(cli(t, args("--json")...).out), "\n") {
		var p struct {
			Unsure *bool
			Top    []struct {
				Label       int
				Probability float64
			}
			Probability float64
		}
		expect.NoError(t, json.Unmarshal([]byte(line), &p))
		sum := 0.0
		for _, c := range p.Top {
			sum += c.Probability
		}
		if p.Unsure == nil || *p.Unsure != (plain[i].Probability < threshold) || len(p.Top) != 3 || p.Top[0].Label != plain[i].Label || sum < 0.999 || sum > 1.001 {
			t.Errorf("%s", line)
		}
	}
	other := trained(t, "--method", "linear", "--epochs", "1")
	several := append([]string{"--csv", "--adapter", "other=" + other}, images...)
	rows = table(t, []byte(cli(t, append([]string{"predict", "--backbone", fixture.backbone, "--top-k", "2", "--adapter", "one=" + adapter}, several...)...).out))
	if len(rows) != 25 || strings.Join(rows[0], ",") != "image,adapter,label,class,probability,label_2,class_2,probability_2" || rows[1][1] != "one" || rows[2][1] != "other" || rows[2][0] != images[0] {
		t.Errorf("%d rows %q", len(rows), rows[:3])
	}
	text := cli(t, append([]string{"predict", "--backbone", fixture.backbone, "--top-k", "2", "--threshold", "1", "--adapter", "one=" + adapter}, several[1:]...)...)
	text.want(t, exitDone, "24 of 24 predictions")
	if line := strings.Split(text.out, "\n")[1]; strings.Count(line, "; ") != 4 || strings.Count(line, "unsure") != 2 || strings.Count(line, "\t") != 2 {
		t.Errorf("line %q", line)
	}
	cli(t, args("--json", "--csv")...).want(t, exitUsage, "--json and --csv contradict each other")
	cli(t, args("--top-k", "0")...).want(t, exitUsage, "--top-k 0 is not possible")
	cli(t, args("--threshold", "80")...).want(t, exitUsage, "--threshold 80 is not possible")
	cli(t, args("--threshold", "NaN")...).want(t, exitUsage, "--threshold NaN is not possible")
}

// TestPredictProgress: a folder tree of more than one batch shows how far it is; one batch does not.
func TestPredictProgress(t *testing.T) {
	adapter := filepath.Join(dtlRun(t), result.AdapterFile)
	tree := folders(t, t.TempDir(), "train", 4, spices)
	args := []string{"predict", "--backbone", fixture.backbone, "--adapter", adapter, tree}
	if o := cli(t, args...); strings.Contains(o.err, "predicting") || strings.Count(o.out, "\n") != 12 {
		t.Errorf("%+v", o)
	}
	o := cli(t, append(args, "--batch", "5")...)
	if o.want(t, exitDone, "predicting 12/12"); strings.Count(o.out, "\n") != 12 {
		t.Errorf("%+v", o)
	}
}
