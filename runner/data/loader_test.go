package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dtl-tf/graph/need"
)

// fakeLoader loads n images without files: each pixel of image i has the value i. Images in bad
// can't be read. It counts reads.
func fakeLoader(t testing.TB, n int, o LoaderOptions, bad ...int) (*Loader, *atomic.Int64) {
	t.Helper()
	var items []Item
	for i := range n {
		items = append(items, Item{Path: fmt.Sprint(i), Name: fmt.Sprint(i), Label: i % 7})
	}
	l, err := NewLoader(items, Images{Size: 16}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	reads := new(atomic.Int64)
	l.load = func(path string) (pixels, error) {
		reads.Add(1)
		var i int
		fmt.Sscan(path, &i)
		if slices.Contains(bad, i) {
			return pixels{}, fmt.Errorf("image %s: broken", path)
		}
		return pixels{bytes.Repeat([]byte{uint8(i)}, 16*16*3), 16, 16}, nil
	}
	return l, reads
}

// epoch runs an epoch and returns its batches as lists of indices, checking each batch.
func epoch(t testing.TB, l *Loader, number int) [][]int {
	t.Helper()
	var out [][]int
	for b, err := range l.Epoch(context.Background(), number) {
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Images) != b.Size()*16*16*3 || len(b.Indices) != b.Size() {
			t.Fatalf("%d values and %d indices for %d labels", len(b.Images), len(b.Indices), b.Size())
		}
		for k, i := range b.Indices {
			if b.Labels[k] != int32(i%7) || l.options.Augment == "" && b.Images[k*16*16*3+5] != uint8(i) {
				t.Fatalf("image %d: label %d, value %d", i, b.Labels[k], b.Images[k*16*16*3+5])
			}
		}
		out = append(out, slices.Clone(b.Indices))
	}
	return out
}

func flat(batches [][]int) []int { return slices.Concat(batches...) }

func TestEpochOrder(t *testing.T) {
	l, _ := fakeLoader(t, 10, LoaderOptions{Batch: 4})
	if got := fmt.Sprint(epoch(t, l, 1)); got != "[[0 1 2 3] [4 5 6 7] [8 9]]" || l.Steps() != 3 {
		t.Errorf("%s in %d steps", got, l.Steps())
	}
	l, _ = fakeLoader(t, 10, LoaderOptions{Batch: 4, DropLast: true})
	if got := fmt.Sprint(epoch(t, l, 1)); got != "[[0 1 2 3] [4 5 6 7]]" || l.Steps() != 2 {
		t.Errorf("drop_last: %s in %d steps", got, l.Steps())
	}
	l, _ = fakeLoader(t, 3, LoaderOptions{Batch: 64})
	if got := fmt.Sprint(epoch(t, l, 1)); got != "[[0 1 2]]" {
		t.Errorf("batch larger than the data: %s", got)
	}
}

func TestShuffle(t *testing.T) {
	run := func(o LoaderOptions, epochs ...int) (out [][]int) {
		o.Batch, o.Shuffle = 8, true
		l, _ := fakeLoader(t, 100, o)
		for _, e := range epochs {
			out = append(out, flat(epoch(t, l, e)))
		}
		return out
	}
	reference := run(LoaderOptions{Seed: 1, Workers: 1, Prefetch: 1}, 1, 2, 3)
	for _, order := range reference {
		if sorted := slices.Sorted(slices.Values(order)); len(sorted) != 100 || sorted[99] != 99 || len(slices.Compact(sorted)) != 100 {
			t.Errorf("not a permutation: %v", order)
		}
	}
	if slices.Equal(reference[0], reference[1]) || slices.IsSorted(reference[0]) {
		t.Error("epochs are not shuffled, each in its own way")
	}
	for name, other := range map[string][][]int{
		"more workers":     run(LoaderOptions{Seed: 1, Workers: 7, Prefetch: 5}, 1, 2, 3),
		"looking ahead":    run(LoaderOptions{Seed: 1, LastEpoch: 3}, 1, 2, 3),
		"nothing in cache": run(LoaderOptions{Seed: 1, CacheBytes: -1}, 1, 2, 3),
	} {
		if fmt.Sprint(other) != fmt.Sprint(reference) {
			t.Errorf("%s: another order", name)
		}
	}
	if alone := run(LoaderOptions{Seed: 1, LastEpoch: 9}, 3, 1); !slices.Equal(alone[0], reference[2]) || !slices.Equal(alone[1], reference[0]) {
		t.Error("an epoch depends on those before it")
	}
	if slices.Equal(run(LoaderOptions{Seed: 2}, 1)[0], reference[0]) {
		t.Error("another seed gives the same order")
	}
}

// TestEpochFrom: an epoch without its first batches is the rest of the whole epoch, no image of those is read, and the next
// epoch is whole again.
func TestEpochFrom(t *testing.T) {
	o := LoaderOptions{Batch: 8, Shuffle: true, DropLast: true, Seed: 1, CacheBytes: -1, LastEpoch: 3}
	bad := []int{3, 40, 71}
	o.SkipBad = true
	first, _ := fakeLoader(t, 100, o, bad...)
	want := [][][]int{epoch(t, first, 2), epoch(t, first, 3)}
	for skip := range len(want[0]) + 1 {
		l, reads := fakeLoader(t, 100, o, bad...)
		if _, err := l.LeaveOut(first.Bad()); err != nil {
			t.Fatal(err)
		}
		l.options.LastEpoch = 2 // or it would begin to read the next one
		var got [][]int
		for b, err := range l.EpochFrom(context.Background(), 2, skip) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, slices.Clone(b.Indices))
		}
		if fmt.Sprint(got) != fmt.Sprint(want[0][skip:]) {
			t.Errorf("skip %d: %v, want %v", skip, got, want[0][skip:])
		}
		if n, most := reads.Load(), int64(97-8*skip); n != most {
			t.Errorf("skip %d: %d images are read, want %d", skip, n, most)
		}
		if next := epoch(t, l, 3); fmt.Sprint(next) != fmt.Sprint(want[1]) {
			t.Errorf("skip %d: the next epoch is %v, want %v", skip, next, want[1])
		}
	}
	if _, err := first.LeaveOut([]int{100}); err == nil {
		t.Error("an image that is not there is left out")
	}
}

func TestCache(t *testing.T) {
	const image = 16 * 16 * 3
	for name, c := range map[string]struct{ bytes, reads int64 }{
		"all": {0, 10}, "four": {4*image + 5, 10 + 6 + 6}, "none": {-1, 30},
	} {
		l, reads := fakeLoader(t, 10, LoaderOptions{Batch: 3, CacheBytes: c.bytes, Shuffle: true})
		for e := range 3 {
			epoch(t, l, e)
		}
		if reads.Load() != c.reads {
			t.Errorf("%s: %d reads, want %d", name, reads.Load(), c.reads)
		}
	}
}

// TestEnds checks that leaving a loop, cancelling and closing all end the goroutines.
func TestEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	l, _ := fakeLoader(t, 1000, LoaderOptions{Batch: 4, LastEpoch: 9})
	for range l.Epoch(context.Background(), 1) {
		break
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stopped by the user")
	defer cancel(nil)
	var last error
	for _, err := range l.Epoch(ctx, 2) {
		cancel(stop)
		last = err
	}
	if !errors.Is(last, stop) {
		t.Errorf("cancelled: error %v", last)
	}
	if got := flat(epoch(t, l, 3)); len(got) != 1000 {
		t.Errorf("%d images after a cancelled epoch", len(got))
	}
	l.Close()
	l.Close()
	for _, err := range l.Epoch(context.Background(), 4) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "closed") {
		t.Errorf("closed: error %v", last)
	}
	within(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= before })
}

// TestStepsDontWait: while a step runs the images of the next one are read, also those of the next epoch, so that after the first
// batch nothing waits. Each step here lasts until that has happened.
func TestStepsDontWait(t *testing.T) {
	const batch, all = 8, 15
	l, reads := fakeLoader(t, 40, LoaderOptions{Batch: batch, CacheBytes: -1, LastEpoch: 3, DropLast: true})
	batches := 0
	for e := 1; e <= 3; e++ {
		for _, err := range l.Epoch(context.Background(), e) {
			if err != nil {
				t.Fatal(err)
			}
			batches++
			within(t, fmt.Sprintf("the images of the step after step %d are not read", batches), func() bool {
				return batches == all || int(reads.Load()) >= batch*(batches+1)
			})
		}
	}
	if batches != all || reads.Load() != batch*all {
		t.Errorf("%d steps, %d images read", batches, reads.Load())
	}
}

// within waits for what must happen sooner or later. The limit is there for what never does.
func within(t *testing.T, otherwise string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(otherwise)
		}
	}
}

// TestMemoryStays runs thousands of batches: the loader's own memory is used again.
func TestMemoryStays(t *testing.T) {
	l, _ := fakeLoader(t, 64, LoaderOptions{Batch: 16, Shuffle: true, Augment: AugmentFlipCrop, LastEpoch: 1000})
	var before, after runtime.MemStats
	for e := 1; e <= 1000; e++ {
		if e == 10 {
			runtime.GC()
			runtime.ReadMemStats(&before)
		}
		epoch(t, l, e)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 200_000 {
		t.Errorf("the heap grew by %d bytes in 4,000 batches", grown)
	}
	perBatch := (after.TotalAlloc - before.TotalAlloc) / 3960
	if perBatch > 16*1024 && !need.RaceDetector { // under which a sync.Pool drops a part of what it is given
		t.Errorf("%d bytes are allocated a batch, %d of them for the images", perBatch, 16*16*16*3)
	}
}
