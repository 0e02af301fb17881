package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/data/augment"
)

// everything is a policy in which every kind of augmentation takes part.
const everything = "crop=0.3-1,flip,rand-m9-p1-mstd0.5-inc1,random-erasing=0.5,mixup=0.8,cutmix=1.0,label-smoothing=0.1"

// patterned gives the images of a fake loader different sizes and contents.
func patterned(l *Loader) {
	load := l.load
	l.load = func(path string) (pixels, error) {
		p, err := load(path)
		if err != nil {
			return p, err
		}
		seed := uint64(p.pix[0])
		if l.policy.Crop != nil {
			p = newPixels(20+int(seed), 31)
		}
		r := rand.New(rand.NewPCG(seed, 0))
		for i := range p.pix {
			p.pix[i] = uint8(r.UintN(256))
		}
		return p, nil
	}
}

// pictures returns the batches of an epoch as texts of all that they hold.
func pictures(t *testing.T, l *Loader, epoch, skip int) (list []string) {
	t.Helper()
	for b, err := range l.EpochFrom(context.Background(), epoch, skip) {
		expect.NoError(t, err)
		list = append(list, fmt.Sprint(b.Indices, b.Labels, b.Lambda, b.Images))
	}
	return list
}

// TestAugmentDepends checks that a batch varies with seed, epoch and index, and with nothing else: not with the number of workers,
// the cache, or where in the epoch a resumed run starts.
func TestAugmentDepends(t *testing.T) {
	for _, policy := range []string{AugmentFlipCrop, everything, "flip", "mixup=0.2"} {
		run := func(o LoaderOptions, epoch, skip int, before ...int) []string {
			o.Batch, o.Augment, o.Shuffle, o.SkipBad = 8, policy, true, true
			l, _ := fakeLoader(t, 42, o, 11)
			patterned(l)
			if skip > 0 {
				_, err := l.LeaveOut([]int{11})
				expect.NoError(t, err)
			}
			for _, e := range before {
				pictures(t, l, e, 0)
			}
			return pictures(t, l, epoch, skip)
		}
		first := run(LoaderOptions{Seed: 1, Workers: 1}, 2, 0)
		for name, other := range map[string][]string{
			"the number of workers":      run(LoaderOptions{Seed: 1, Workers: 5}, 2, 0),
			"a cache that is full":       run(LoaderOptions{Seed: 1, CacheBytes: 5000}, 2, 0),
			"no cache":                   run(LoaderOptions{Seed: 1, CacheBytes: -1}, 2, 0),
			"earlier epochs":             run(LoaderOptions{Seed: 1, LastEpoch: 3}, 2, 0, 1),
			"later epochs":               run(LoaderOptions{Seed: 1}, 2, 0, 3, 4),
			"views that are not used up": run(LoaderOptions{Seed: 1, Views: 3}, 2, 0),
		} {
			if !slices.Equal(first, other) {
				t.Errorf("%s: %s matters", policy, name)
			}
		}
		for skip := 1; skip <= len(first); skip++ {
			if got := run(LoaderOptions{Seed: 1}, 2, skip); !slices.Equal(got, first[skip:]) {
				t.Errorf("%s: a run resumed after batch %d has other pictures", policy, skip)
			}
		}
		if slices.Equal(first, run(LoaderOptions{Seed: 1}, 1, 0)) || slices.Equal(first, run(LoaderOptions{Seed: 2}, 2, 0)) {
			t.Errorf("%s: epoch or seed don't matter", policy)
		}
	}
}

// TestViews: the pictures of an item repeat after that number of epochs, and Draw gives each of them in any order.
func TestViews(t *testing.T) {
	single := func(o LoaderOptions, epoch int) []string {
		o.Batch, o.Seed, o.Augment = 1, 3, "crop,flip,randaugment"
		l, _ := fakeLoader(t, 5, o)
		patterned(l)
		return pictures(t, l, epoch, 0)
	}
	views := LoaderOptions{Views: 2}
	one, two := single(views, 1), single(views, 2)
	if slices.Equal(one, two) || !slices.Equal(one, single(LoaderOptions{}, 1)) || !slices.Equal(two, single(LoaderOptions{}, 2)) {
		t.Error("the views are not the pictures of the first epochs")
	}
	if !slices.Equal(one, single(views, 3)) || !slices.Equal(two, single(views, 6)) {
		t.Error("the views don't repeat")
	}
	drawn := LoaderOptions{Draw: func(index int) (epoch, item int) { return 1 + index%2, index }}
	for i, got := range single(drawn, 9) {
		if want := [][]string{one, two}[i%2][i]; got != want {
			t.Errorf("item %d drawn from epoch %d is another picture", i, 1+i%2)
		}
	}
}

// TestMixedBatch: pictures and labels of a mixed batch belong together.
func TestMixedBatch(t *testing.T) {
	l, _ := fakeLoader(t, 40, LoaderOptions{Batch: 10, Augment: "mixup=0.5"})
	for b, err := range l.Epoch(context.Background(), 1) {
		expect.NoError(t, err)
		for k, i := range b.Indices {
			partner := b.Indices[len(b.Indices)-1-k]
			want := float64(i)*b.Lambda + float64(partner)*(1-b.Lambda)
			if got := float64(b.Images[k*16*16*3]); got < want-0.501 || got > want+0.501 {
				t.Errorf("image %d with %d at %v has value %v, want %v", i, partner, b.Lambda, got, want)
			}
		}
	}
}

// TestCrops wants the bytes of torchvision on Pillow's images: crops resized, and the centre of a resized image.
func TestCrops(t *testing.T) {
	var head struct {
		Height, Width int
		Cases         []struct {
			Box          *[4]int
			Resize, Size int
		}
	}
	f, err := os.Open("testdata/crops.gz")
	expect.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	expect.NoError(t, err)
	r := bufio.NewReader(z)
	line, err := r.ReadBytes('\n')
	expect.NoError(t, err)
	expect.NoError(t, json.Unmarshal(line, &head))
	p := newPixels(head.Height, head.Width)
	for i := range p.pix { // as draw in scripts/make_augment_vectors.py
		y, x, c := i/3/p.width, i/3%p.width, i%3
		noise := int(uint32((x*73+y*151+c*29+x*y*17)*2654435761) >> 24)
		p.pix[i] = uint8(x*255/(p.width-1) + y*3 + c*60 + noise>>2)
	}
	for _, c := range head.Cases {
		want := make([]byte, c.Size*c.Size*3)
		_, err := io.ReadFull(r, want)
		expect.NoError(t, err)
		var got pixels
		if b := c.Box; b != nil {
			got = resizePart(p, augment.Box{Top: b[0], Left: b[1], Height: b[2], Width: b[3]}, c.Size)
		} else {
			got = centre(pixels{resize(p, c.Resize), c.Resize, c.Resize}, c.Size)
		}
		if !bytes.Equal(got.pix, want) {
			count, most := difference(t, got.pix, want)
			t.Errorf("%+v %v: %d values differ by up to %d", c, c.Box, count, most)
		}
	}
}
