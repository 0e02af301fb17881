package data

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOpenListed: lists may have any name and lie anywhere, and each has a folder of images of its own.
func TestOpenListed(t *testing.T) {
	root := tree(t, map[string]string{
		"train/a/b c.png": "1", "train/d.png": "2", "test/e.png": "3",
		"lists/train_meta.list.num_shot_1.seed_0": "a/b c.png 1\nd.png 0\n", "lists/val_meta.list": "e.png 2\n",
		"lists/twice": "d.png 0\na/b c.png 1\nd.png 1\n", "lists/gone": "d.png 0\nf.png 1\n", "lists/empty": "\n",
	})
	list := func(name, images string) List {
		return List{File: filepath.Join(root, "lists", name), Images: filepath.Join(root, images)}
	}
	s, err := OpenListed("x", Lists{Train: list("train_meta.list.num_shot_1.seed_0", "train"), Test: list("val_meta.list", "test")}, 0, []string{"p", "q", "r"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Splits(), []string{Train, Test}) || s.Classes != 3 || s.ClassName(2) != "r" {
		t.Errorf("%v, %d classes", s.Splits(), s.Classes)
	}
	items, err := s.Split(Train)
	if err != nil || !slices.Equal(names(items), []string{"a/b c.png", "d.png"}) || items[0].Label != 1 || items[0].Path != filepath.Join(root, "train", "a", "b c.png") {
		t.Errorf("%+v, %v", items, err)
	}
	for words, lists := range map[string]Lists{
		"twice line 3: \"d.png\" is in line 1 already, with the label 0": {Train: list("twice", "train")},
		filepath.Join(root, "train", "f.png"):                            {Train: list("gone", "train")},
		"empty is empty":                                                 {Val: list("empty", "train")},
		"label 2 is out of range: 2 classes have the labels 0 to 1":      {Test: list("val_meta.list", "test")},
		"lists/none":                {Train: list("none", "train")},
		"it may have [train val tr": {"training": list("val_meta.list", "test")},
	} {
		if _, err := OpenListed("x", lists, 2, nil); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %q", err, words)
		}
	}
}
