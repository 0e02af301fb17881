package data

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestBadImageStops(t *testing.T) {
	l, _ := fakeLoader(t, 20, LoaderOptions{Batch: 4}, 9, 13)
	batches := 0
	for b, err := range l.Epoch(context.Background(), 1) {
		if err != nil {
			if b != nil || err.Error() != "image 9: broken; replace or remove it, or go on without it: --skip-bad-images" || batches != 2 {
				t.Errorf("error %v after %d batches", err, batches)
			}
			return
		}
		batches++
	}
	t.Error("no error")
}

func TestSkipBad(t *testing.T) {
	var reported []string
	o := LoaderOptions{Batch: 4, SkipBad: true, DropLast: true, Workers: 3, LastEpoch: 2, OnBad: func(i Item, err error) {
		reported = append(reported, i.Name+": "+err.Error())
	}}
	l, reads := fakeLoader(t, 11, o, 1, 5)
	for e := 1; e <= 2; e++ {
		if got := fmt.Sprint(epoch(t, l, e)); got != "[[0 2 3 4] [6 7 8 9]]" {
			t.Errorf("epoch %d: %s", e, got)
		}
	}
	l.Close()
	if fmt.Sprint(reported) != "[1: image 1: broken 5: image 5: broken]" || !slices.Equal(l.Bad(), []int{1, 5}) || l.Steps() != 2 {
		t.Errorf("reported %v, bad %v, %d steps", reported, l.Bad(), l.Steps())
	}
	if reads.Load() != 11 {
		t.Errorf("%d reads: bad images are tried again", reads.Load())
	}
}

func TestTooFewImages(t *testing.T) {
	wantError := func(l *Loader, want string) {
		t.Helper()
		for _, err := range l.Epoch(context.Background(), 1) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		}
	}
	l, _ := fakeLoader(t, 5, LoaderOptions{Batch: 4, SkipBad: true, DropLast: true}, 1, 3)
	wantError(l, "3 readable of 5 images are fewer than a batch of 4")
	l, _ = fakeLoader(t, 2, LoaderOptions{Batch: 4, SkipBad: true}, 0, 1)
	wantError(l, "none of the 2 images can be read")

	items := make([]Item, 3)
	for _, c := range []struct {
		items  []Item
		images Images
		o      LoaderOptions
		want   string
	}{
		{items, Images{Size: 8}, LoaderOptions{Batch: 4, DropLast: true}, "3 images are fewer than a batch of 4"},
		{nil, Images{Size: 8}, LoaderOptions{Batch: 4}, "no images"},
		{items, Images{Size: 8}, LoaderOptions{}, "--batch"},
		{items, Images{}, LoaderOptions{Batch: 1}, "--image-size"},
		{items, Images{Size: 8}, LoaderOptions{Batch: 1, Augment: "flap-crop"}, `did you mean "flip-crop"?`},
		{items, Images{Size: 8}, LoaderOptions{Batch: 1, Workers: -1}, "workers"},
	} {
		if _, err := NewLoader(c.items, c.images, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

// TestRealFiles reads five files. The third is cut short and the fourth is empty.
func TestRealFiles(t *testing.T) {
	root := t.TempDir()
	var items []Item
	for i, name := range []string{"big420.jpg", "rgb8.png", "cut.jpg", "empty.png", "clear.gif"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		switch name {
		case "cut.jpg":
			content, err = os.ReadFile("testdata/ycc420.jpg")
			content = content[:len(content)/2]
		case "empty.png":
			content, err = nil, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		items = append(items, Item{Path: path, Name: name, Label: i})
	}
	images := Images{Decoder: decoder(t), Size: 12}
	var bad []string
	l, err := NewLoader(items, images, LoaderOptions{Batch: 3, SkipBad: true, DropLast: true, OnBad: func(_ Item, err error) {
		bad = append(bad, err.Error())
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for b, err := range l.Epoch(context.Background(), 1) {
		if err != nil || fmt.Sprint(b.Labels) != "[0 1 4]" {
			t.Errorf("labels %v, error %v", b, err)
		}
	}
	if len(bad) != 2 || !strings.Contains(bad[0], filepath.Join(root, "cut.jpg")+": the JPEG data are truncated") ||
		!strings.Contains(bad[1], filepath.Join(root, "empty.png")+": the file is empty") {
		t.Errorf("bad images %q", bad)
	}
}
