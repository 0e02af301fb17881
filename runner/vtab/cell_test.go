package vtab

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"dtl-tf/runner/recipe"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
)

func sample() Cell {
	return Cell{
		Task: "eurosat", Method: "dtl+", Seed: 42, Outcome: sweep.Outcome{
			Status: result.Finished,
			Recipe: recipe.Recipe{Name: "published", Family: recipe.FamilyViT, LR: 0.003, Epochs: 110, Batch: 32, Options: map[string]string{"kernel": "3"}}, Overrides: recipe.Overrides{"epochs": "5"},
			Machine: sweep.Machine{Host: "box", Process: 7, Shard: "1/2"}, Started: time.Date(2025, 3, 1, 10, 0, 0, 0, time.UTC),
			StepMemory: &sweep.StepMemory{Peak: 5, Fixed: 6, How: sweep.HowStepMemory},
			Run:        &result.Run{Format: result.Format, Status: result.Finished, Accuracy: &result.Accuracy{Top1: 95.5, Split: "test", Note: result.OnceAfterLast}},
		},
	}
}

func TestCellRoundTrip(t *testing.T) {
	root := t.TempDir()
	want := sample()
	path := CellPath(root, "eurosat", "dtl+", 42)
	if path != filepath.Join(root, "eurosat", "dtl+", "seed-42.json") {
		t.Errorf("path %s", path)
	}
	if err := sweep.WriteCell(path, &want); err != nil {
		t.Fatal(err)
	}
	want.Format = sweep.Format
	got, err := ReadCell(path)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	// Read as another program would: the names are a promise.
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	run := m["run"].(map[string]any)
	if m["seed"] != 42.0 || m["overrides"].(map[string]any)["epochs"] != "5" || run["accuracy"].(map[string]any)["note"] != "evaluated once after the last epoch" {
		t.Errorf("%s", b)
	}
}

func TestBadCells(t *testing.T) {
	root := t.TempDir()
	path := CellPath(root, "eurosat", "dtl+", 42)
	c := sample()
	if err := sweep.WriteCell(path, &c); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(from, to string) string {
		if !strings.Contains(string(good), from) {
			t.Fatalf("the file lacks %s", from)
		}
		return strings.Replace(string(good), from, to, 1)
	}
	bad := map[string]string{
		"": "empty", " \n": "empty", "{}": "not the result of a cell", "[1]": "JSON", "\x00\x00": "JSON",
		edit(`"format": 1`, `"format": 2`):                 "format 2",
		edit(`"task": "eurosat"`, `"task": "imagenet"`):    "imagenet",
		edit(`"status": "finished"`, `"status": "done"`):   "done",
		edit(`"status": "finished"`, `"status": "failed"`): "reason",
		edit(`"machine"`, `"machin"`):                      "machin",
		edit(`"accuracy": {`, `"targets": [{"name": "d", "top1": 1, "images": 1, "classes": 2, "masked_top1": 1}], "accuracy": {`): "other domains",
	}
	for cut := 1; cut < len(good)-1; cut += 41 {
		bad[string(good[:cut])] = "not a complete JSON object"
	}
	for content, words := range bad {
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := ReadCell(path)
		var typed *sweep.BadCellError
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), words) {
			t.Errorf("%.60q: %v, want %q in it", content, err, words)
		}
	}
	if _, err := ReadCell(path + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestReadCells(t *testing.T) {
	root := t.TempDir()
	for _, seed := range []uint64{42, 43} {
		c := sample()
		c.Seed = seed
		if err := sweep.WriteCell(CellPath(root, c.Task, c.Method, seed), &c); err != nil {
			t.Fatal(err)
		}
	}
	misplaced := CellPath(root, "cifar", "dtl", 1)
	c := sample()
	if err := sweep.WriteCell(misplaced, &c); err != nil {
		t.Fatal(err)
	}
	for _, ignored := range []string{filepath.Join(sweep.WorkFolder, "eurosat", "seed-1.json"), filepath.Join("eurosat", "dtl+", "seed-44.json.bad"), "notes.txt"} {
		path := filepath.Join(root, ignored)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, nil, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	cells, bad, err := ReadCells(root)
	if err != nil || len(cells) != 2 || cells[0].Seed != 42 || cells[1].Seed != 43 {
		t.Errorf("%+v, %v", cells, err)
	}
	if len(bad) != 1 || !strings.Contains(bad[0].Error(), misplaced) || !strings.Contains(bad[0].Error(), "eurosat dtl+ seed 42") {
		t.Errorf("bad files: %v", bad)
	}
	if _, _, err := ReadCells(filepath.Join(root, "none")); err == nil {
		t.Error("a missing folder is accepted")
	}
}
