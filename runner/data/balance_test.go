package data

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestBalancedDraws: over many epochs each class is drawn equally often, and within it each image, as torch's WeightedRandomSampler
// draws them with the weights 1 / (images of the class). The bounds are five standard deviations of the binomial distribution.
func TestBalancedDraws(t *testing.T) {
	const images, epochs = 10, 4000 // labels i % 7: two images of the classes 0, 1 and 2, one of the others
	l, _ := fakeLoader(t, images, LoaderOptions{Batch: images, Balanced: true, Shuffle: true, Seed: 3})
	drawn := make([]int, images)
	all := map[string]bool{}
	for e := range epochs {
		order, err := l.Order(e + 1)
		if err != nil || len(order) != 1 || len(order[0]) != images {
			t.Fatalf("%v, %v", order, err)
		}
		all[fmt.Sprint(order)] = true
		for _, index := range order[0] {
			drawn[index]++
		}
	}
	for index, n := range drawn {
		p := 1.0 / 7
		if index%7 < 3 {
			p /= 2
		}
		want := p * images * epochs
		if d := math.Abs(float64(n) - want); d > 5*math.Sqrt(want*(1-p)) {
			t.Errorf("image %d was drawn %d times, want about %.0f", index, n, want)
		}
	}
	if len(all) < epochs*99/100 {
		t.Errorf("%d different epochs of %d", len(all), epochs)
	}
}

// TestBalancedResumed: the rest of an epoch is that of a whole one, also if images are bad. They are left out of the draws, whoever found
// them to be bad and when.
func TestBalancedResumed(t *testing.T) {
	for _, bad := range [][]int{nil, {3}, {3, 5, 9}} {
		o := LoaderOptions{Batch: 4, DropLast: true, Balanced: true, Shuffle: true, Seed: 8, SkipBad: true, Augment: "flip=0.5"}
		l, _ := fakeLoader(t, 40, o, bad...)
		var whole [][]int
		var pixels [][]byte
		for b, err := range l.Epoch(context.Background(), 2) {
			if err != nil {
				t.Fatal(err)
			}
			whole, pixels = append(whole, slices.Clone(b.Indices)), append(pixels, bytes.Clone(b.Images))
		}
		if len(whole) > l.Steps() || l.Steps() != 10 || bad == nil && len(whole) != 10 {
			t.Errorf("%d batches of %d", len(whole), l.Steps())
		}
		for skip := range whole {
			rest, _ := fakeLoader(t, 40, o, bad...)
			if _, err := rest.LeaveOut(l.Bad()); err != nil {
				t.Fatal(err)
			}
			at := skip
			for b, err := range rest.EpochFrom(context.Background(), 2, skip) {
				if err != nil || !slices.Equal(b.Indices, whole[at]) || !bytes.Equal(b.Images, pixels[at]) {
					t.Fatalf("after %d batches: batch %d is %v, want %v (%v)", skip, at, b.Indices, whole[at], err)
				}
				at++
			}
			if at != len(whole) {
				t.Errorf("after %d batches: ends with batch %d of %d", skip, at, len(whole))
			}
		}
		if order, err := l.Order(2); err != nil || fmt.Sprint(order) != fmt.Sprint(whole) {
			t.Errorf("listed %v, drawn %v (%v)", order, whole, err)
		}
	}
}

// TestBalancedPictures: an image that is drawn again in an epoch has another picture, unless pictures repeat.
func TestBalancedPictures(t *testing.T) {
	for _, views := range []int{0, 1} {
		l, _ := fakeLoader(t, 20, LoaderOptions{Batch: 20, Balanced: true, Shuffle: true, Augment: "random-erasing=1", Views: views})
		pictures := map[int][]string{}
		for b, err := range l.Epoch(context.Background(), 1) {
			if err != nil {
				t.Fatal(err)
			}
			for k, index := range b.Indices {
				pictures[index] = append(pictures[index], string(b.Images[k*16*16*3:(k+1)*16*16*3]))
			}
		}
		again, same := 0, 0
		for _, list := range pictures {
			for _, p := range list[1:] {
				again++
				if p == list[0] {
					same++
				}
			}
		}
		if again < 3 || views == 0 && same > 0 || views == 1 && same != again {
			t.Errorf("%d views: %d of %d pictures of an image drawn before are the same", views, same, again)
		}
	}
}
