package data

import (
	"fmt"
	"strings"
	"testing"
)

// TestOrder: the order without images is that of the batches with them, in every mode.
func TestOrder(t *testing.T) {
	for _, o := range []LoaderOptions{
		{Batch: 4}, {Batch: 4, DropLast: true}, {Batch: 4, Shuffle: true, Seed: 3}, {Batch: 5, Shuffle: true, DropLast: true, Seed: 9}, {Batch: 64},
	} {
		l, _ := fakeLoader(t, 10, o)
		for number := 1; number <= 3; number++ {
			got, err := l.Order(number)
			if err != nil {
				t.Fatal(err)
			}
			if want := epoch(t, l, number); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%+v, epoch %d: %v, want %v", o, number, got, want)
			}
		}
	}
}

// TestOrderSkip: images that somebody else found to be bad are left out like those that the loader itself finds.
func TestOrderSkip(t *testing.T) {
	heard := 0
	o := LoaderOptions{Batch: 3, Shuffle: true, DropLast: true, Seed: 5, SkipBad: true}
	finds, _ := fakeLoader(t, 10, o, 2, 7)
	o.OnBad = func(Item, error) { heard++ }
	told, _ := fakeLoader(t, 10, o)
	for _, index := range []int{2, 7, 7} {
		told.Skip(index, fmt.Errorf("broken"))
	}
	got, err := told.Order(1)
	if err != nil {
		t.Fatal(err)
	}
	if want := epoch(t, finds, 1); fmt.Sprint(got) != fmt.Sprint(want) || heard != 2 || told.Steps() != 2 {
		t.Errorf("%v in %d steps, want %v; heard of %d", got, told.Steps(), want, heard)
	}
	for index := range 8 {
		told.Skip(index, fmt.Errorf("broken"))
	}
	if _, err := told.Order(1); err == nil || !strings.Contains(err.Error(), "2 readable of 10 images") {
		t.Errorf("too few: %v", err)
	}
	for index := range 10 {
		told.Skip(index, fmt.Errorf("broken"))
	}
	if _, err := told.Order(1); err == nil || !strings.Contains(err.Error(), "none of the 10 images") {
		t.Errorf("none: %v", err)
	}
}
