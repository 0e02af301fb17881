package data

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFingerprint(t *testing.T) {
	files := map[string]string{"images/a.png": "abc", "images/b.png": "", "train.txt": "images/a.png 0\nimages/b.png 1\n"}
	sum := func(root string) string {
		t.Helper()
		s, err := Open(root)
		if err != nil {
			t.Fatal(err)
		}
		items, _ := s.Split(Train)
		sums, err := Sums(t.Context(), items)
		if err != nil {
			t.Fatal(err)
		}
		return FingerprintOf(items, sums)
	}
	root := tree(t, files)
	// printf 'images/a.png 0 %s\nimages/b.png 1 %s\n' $(printf abc|sha256sum|cut -c-64) $(sha256sum </dev/null|cut -c-64)|sha256sum
	const want = "1b63be02d146e4765c5da7e1f58d89df71e2a8c810d345c802c3dbc9262654c2"
	if got := sum(root); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if sum(tree(t, files)) != want {
		t.Error("another place gives another fingerprint")
	}
	files["images/b.png"] = "x"
	if sum(tree(t, files)) == want {
		t.Error("another content gives the same fingerprint")
	}
	files["images/b.png"], files["train.txt"] = "", "images/b.png 1\nimages/a.png 0\n"
	if sum(tree(t, files)) == want {
		t.Error("another order gives the same fingerprint")
	}
	s, _ := Open(root)
	items, _ := s.Split(Train)
	if err := os.Remove(items[1].Path); err != nil {
		t.Fatal(err)
	}
	if _, err := Sums(t.Context(), items); err == nil || !strings.Contains(err.Error(), "b.png") {
		t.Errorf("missing file: error %v", err)
	}
}

func TestHoldout(t *testing.T) {
	var items []Item
	for label, count := range []int{10, 10, 25, 1} {
		for range count {
			items = append(items, Item{Name: string(rune('a' + len(items))), Label: label})
		}
	}
	train, held, err := Holdout(items, 0.1, 7)
	if err != nil || len(train)+len(held) != len(items) {
		t.Fatalf("%d + %d, error %v", len(train), len(held), err)
	}
	counts := map[int]int{}
	for _, i := range held {
		counts[i.Label]++
	}
	if counts[0] != 1 || counts[1] != 1 || counts[2] != 3 || counts[3] != 0 { // 2.5 rounds away from zero
		t.Errorf("held per class %v", counts)
	}
	again, heldAgain, _ := Holdout(items, 0.1, 7)
	if strings.Join(names(held), "") != strings.Join(names(heldAgain), "") || len(again) != len(train) {
		t.Error("the same seed gives another split")
	}
	if _, other, _ := Holdout(items, 0.1, 8); strings.Join(names(held), "") == strings.Join(names(other), "") {
		t.Error("another seed gives the same split")
	}
	for _, fraction := range []float64{0, 1, -1, 0.001} {
		if _, _, err := Holdout(items, fraction, 1); err == nil {
			t.Errorf("fraction %v is accepted", fraction)
		}
	}
}

// TestSumsInterrupted: Ctrl-C is heard while files are read.
func TestSumsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Sums(ctx, make([]Item, 100)); !errors.Is(err, context.Canceled) && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	path := filepath.Join(t.TempDir(), "a.png")
	if err := os.WriteFile(path, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Sums(ctx, []Item{{Path: path}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
