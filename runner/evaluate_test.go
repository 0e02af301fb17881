package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/tensor"
	"dtl-tf/runner/data"
)

// redness is a classifier that looks at the first pixel alone: red 0, 80 and 160 are the classes 0, 1 and 2. Logits
// of the last class are all equal, so that the first of them counts.
type redness struct{ batches []int }

func (r *redness) Logits(images tensor.Tensor) (tensor.Tensor, error) {
	n, pixels := images.Shape[0], images.Data.([]uint8)
	r.batches = append(r.batches, n)
	out := tensor.Zeros(n, 3)
	for i := range n {
		if class := int(pixels[i*len(pixels)/n] / 80); class < 2 {
			out.Float32()[3*i+class] = 1
		}
	}
	return out, nil
}

func (r *redness) Close() error { return nil }

// TestMeasureTop1 counts a classifier whose answers are known: right for two classes of three.
func TestMeasureTop1(t *testing.T) {
	c := smallRun(t)
	set, err := data.Open(c.Data)
	try(t, err)
	items, err := set.Split(data.Test)
	try(t, err)
	loader, closeLoader, err := sequential(items, 8, 5, 1, false, &skips{})
	try(t, err)
	defer closeLoader()
	var done []int
	r := &redness{}
	score, err := measureTop1(context.Background(), r, loader, 8, func(n int) { done = append(done, n) })
	try(t, err)
	if score.Images != 12 || math.Abs(score.Top1-100*8.0/12) > 1e-9 {
		t.Errorf("got %+v, want 8 of 12", score)
	}
	if len(r.batches) != 3 || r.batches[2] != 2 || done[2] != 12 {
		t.Errorf("batches of %v images, progress %v", r.batches, done)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err = measureTop1(ctx, r, loader, 8, func(int) { cancel() })
	if wantError(t, err, "interrupted during the evaluation"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap context.Canceled", err)
	}
}

// TestPrediction: the probability is the softmax also where exp would overflow.
func TestPrediction(t *testing.T) {
	l := &loaded{classNames: []string{"a", "b"}}
	p := l.prediction("x.png", []float32{1000, 1000 + float32(math.Log(3))})
	if p.Label != 1 || p.Class != "b" || math.Abs(p.Probability-0.75) > 1e-4 {
		t.Errorf("got %+v, want b with 0.75", p)
	}
	if p := l.prediction("x.png", []float32{0, 0, 5}); p.Label != 2 || p.Class != "" {
		t.Errorf("got %+v, want the label 2 without a name", p)
	}
}

// TestImageFiles: files as they are named, folders with all images below them, by name.
func TestImageFiles(t *testing.T) {
	dir := t.TempDir()
	try(t, os.MkdirAll(filepath.Join(dir, "b", "c"), 0o777))
	for _, name := range []string{"z.png", "b/2.JPG", "b/10.gif", "b/c/1.bmp", "b/notes.txt", "odd.name", "._z.png", "b/Thumbs.db", "b/x.webp", "b/y.HEIC"} {
		try(t, os.WriteFile(filepath.Join(dir, name), nil, 0o666))
	}
	try(t, os.Symlink("..", filepath.Join(dir, "b", "loop")))
	try(t, os.Symlink("gone", filepath.Join(dir, "old")))
	var notes bytes.Buffer
	note := UI{Err: &notes}.Note
	items, err := imageFiles([]string{filepath.Join(dir, "odd.name"), dir}, note)
	try(t, err)
	var names []string
	for _, item := range items {
		name, err := filepath.Rel(dir, item.Path)
		try(t, err)
		names = append(names, filepath.ToSlash(name))
	}
	if got, want := strings.Join(names, " "), "odd.name b/10.gif b/2.JPG b/c/1.bmp z.png"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	wantNotes := "passed over, pictures in formats that are not read: 2 (DIR/b/x.webp, DIR/b/y.HEIC): convert them to PNG or JPEG\n" +
		"passed over, links that lead nowhere: 1 (DIR/old)\n" +
		"passed over, files that are no images: 2 (DIR/b/notes.txt, DIR/odd.name)\n"
	if got := strings.ReplaceAll(notes.String(), dir, "DIR"); got != wantNotes {
		t.Errorf("notes\n%swant\n%s", got, wantNotes)
	}
	link := filepath.Join(t.TempDir(), "link")
	try(t, os.Symlink(dir, link))
	if items, err = imageFiles([]string{link}, note); err != nil || len(items) != 4 || items[0].Path != filepath.Join(link, "b", "10.gif") {
		t.Errorf("through a link: %v, %v", items, err)
	}
	_, err = imageFiles([]string{filepath.Join(dir, "gone")}, note)
	wantError(t, err, "gone")
	empty := t.TempDir()
	_, err = imageFiles([]string{empty}, note)
	wantError(t, err, empty, "no images")
}

// TestSkips counts each image once.
func TestSkips(t *testing.T) {
	var notes bytes.Buffer
	s := &skips{note: UI{Err: &notes}.Note}
	for _, name := range []string{"a", "b", "a"} {
		s.add(data.Item{Path: name}, errors.New(name+" is bad"))
	}
	if s.count() != 2 || notes.String() != "skipped: a is bad\nskipped: b is bad\n" {
		t.Errorf("%d skipped: %s", s.count(), notes.String())
	}
}

// broken is redness with one logit that is no number: of the image with the given index, and the given class.
type broken struct {
	redness
	image, class int
	logit        float32
}

func (b *broken) Logits(images tensor.Tensor) (tensor.Tensor, error) {
	before := 0
	for _, n := range b.batches {
		before += n
	}
	out, err := b.redness.Logits(images)
	if i := b.image - before; i >= 0 && i < out.Shape[0] {
		out.Float32()[3*i+b.class] = b.logit
	}
	return out, err
}

// TestNonFinite: a logit that is NaN or infinite is no answer, and the error names its image.
func TestNonFinite(t *testing.T) {
	c := smallRun(t)
	set, err := data.Open(c.Data)
	try(t, err)
	items, err := set.Split(data.Test)
	try(t, err)
	loader, closeLoader, err := sequential(items, 8, 5, 1, false, &skips{})
	try(t, err)
	defer closeLoader()
	for i, logit := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		b := &broken{image: 5 * i, class: i, logit: logit}
		_, err := measureTop1(context.Background(), b, loader, 8, func(int) {})
		wantError(t, err, "image "+items[5*i].Path+" can't be classified", fmt.Sprintf("class %d is %v", i, logit))
	}
}
