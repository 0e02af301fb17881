package infer

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bytes"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
)

// TestPrediction: the probability is the softmax also where exp would overflow.
func TestPrediction(t *testing.T) {
	l := &loaded{classNames: []string{"a", "b"}}
	c := PredictConfig{TopK: 1}
	p := c.prediction(l, "x.png", []float32{1000, 1000 + float32(math.Log(3))})
	if p.Label != 1 || p.Class != "b" || math.Abs(p.Probability-0.75) > 1e-4 {
		t.Errorf("got %+v, want b with 0.75", p)
	}
	if p := c.prediction(l, "x.png", []float32{0, 0, 5}); p.Label != 2 || p.Class != "" {
		t.Errorf("got %+v, want the label 2 without a name", p)
	}
}

// TestImageFiles: files as they are named, folders with all images below them, by name.
func TestImageFiles(t *testing.T) {
	dir := t.TempDir()
	expect.NoError(t, os.MkdirAll(filepath.Join(dir, "b", "c"), 0o777))
	for _, name := range []string{"z.png", "b/2.JPG", "b/10.gif", "b/c/1.bmp", "b/notes.txt", "odd.name", "._z.png", "b/Thumbs.db", "b/x.avif", "b/y.HEIC"} {
		expect.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o666))
	}
	expect.NoError(t, os.Symlink("..", filepath.Join(dir, "b", "loop")))
	expect.NoError(t, os.Symlink("gone", filepath.Join(dir, "old")))
	var notes bytes.Buffer
	note := runner.UI{Err: &notes}.Note
	items, err := imageFiles([]string{filepath.Join(dir, "odd.name"), dir}, note)
	expect.NoError(t, err)
	var names []string
	for _, item := range items {
		name, err := filepath.Rel(dir, item.Path)
		expect.NoError(t, err)
		names = append(names, filepath.ToSlash(name))
	}
	if got, want := strings.Join(names, " "), "odd.name b/10.gif b/2.JPG b/c/1.bmp z.png"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	wantNotes := "passed over, pictures in formats that are not read: 2 (DIR/b/x.avif, DIR/b/y.HEIC): convert them to PNG or JPEG\n" +
		"passed over, links that lead nowhere: 1 (DIR/old)\n" +
		"passed over, links to a folder that they are in: 1 (DIR/b/loop)\n" +
		"passed over, files that are not images: 2 (DIR/b/notes.txt, DIR/odd.name)\n" +
		"passed over, hidden files and those of the system: 2 (DIR/._z.png, DIR/b/Thumbs.db)\n"
	if got := strings.ReplaceAll(notes.String(), dir, "DIR"); got != wantNotes {
		t.Errorf("notes\n%swant\n%s", got, wantNotes)
	}
	link := filepath.Join(t.TempDir(), "link")
	expect.NoError(t, os.Symlink(dir, link))
	if items, err = imageFiles([]string{link}, note); err != nil || len(items) != 4 || items[0].Path != filepath.Join(link, "b", "10.gif") {
		t.Errorf("through a link: %v, %v", items, err)
	}
	_, err = imageFiles([]string{filepath.Join(dir, "gone")}, note)
	expect.Error(t, err, "gone")
	empty := t.TempDir()
	_, err = imageFiles([]string{empty}, note)
	expect.Error(t, err, empty, "no images")
}
