package feature

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// TestEpochs: batches come in the order that was asked for, whole epochs and parts of them, forwards and again.
func TestEpochs(t *testing.T) {
	o, _, _ := filled(t)
	s := open(t, o)
	l := loader(t, s, 4, 3)
	run := func(epoch, skip, most int) string {
		var got [][]int
		for b, err := range l.Epoch(context.Background(), epoch, skip) {
			expect.NoError(t, err)
			check(t, s, b)
			got = append(got, slices.Clone(b.Indices))
			if len(got) == most {
				break
			}
		}
		return fmt.Sprint(got)
	}
	for _, c := range []struct {
		epoch, skip, most int
		want              string
	}{
		{1, 0, 9, "[[1 2 3 4] [5 6 7 8] [9 0]]"},
		{2, 0, 9, "[[2 3 4 5] [6 7 8 9] [0 1]]"},
		{3, 0, 1, "[[3 4 5 6]]"}, // left early
		{3, 0, 9, "[[3 4 5 6] [7 8 9 0] [1 2]]"},
		{1, 0, 9, "[[1 2 3 4] [5 6 7 8] [9 0]]"}, // back
		{2, 1, 9, "[[6 7 8 9] [0 1]]"},           // a resumed run
		{3, 0, 9, "[[3 4 5 6] [7 8 9 0] [1 2]]"},
		{4, 0, 9, "[[4 5 6 7] [8 9 0 1] [2 3]]"}, // behind the last
		{4, 5, 9, "[]"},
	} {
		if got := run(c.epoch, c.skip, c.most); got != c.want {
			t.Errorf("epoch %d from %d: %s, want %s", c.epoch, c.skip, got, c.want)
		}
	}
	l.order = func(int) ([][]int, error) { return nil, errors.New("no order") }
	for _, err := range l.Epoch(context.Background(), 1, 0) {
		expect.Error(t, err, "no order")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l.order = func(int) ([][]int, error) { time.Sleep(10 * time.Millisecond); return nil, nil }
	for _, err := range l.Epoch(ctx, 1, 0) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
}

// TestElements: bfloat16 values come as such.
func TestElements(t *testing.T) {
	o, _ := options(t.TempDir())
	o.Key.Stored = graph.BF16
	s := open(t, o)
	fill(t, s)
	for b, err := range loader(t, s, images, 1).Epoch(context.Background(), 1, 0) {
		expect.NoError(t, err)
		data, ok := b.Values[0].Data.(tensor.Rows[tensor.BFloat16])
		want := encode(nil, compute(o, images-1-b.Indices[3])[0].Float32(), graph.BF16)
		if !ok || string(data[3]) != string(want) {
			t.Errorf("%T: %x, want %x", b.Values[0].Data, data[3], want)
		}
	}
}

// TestNoWait: while a step runs the next batch is read, so steps don't wait for the disk; not even for the first batch of an
// epoch. Each step here lasts until that has happened.
func TestNoWait(t *testing.T) {
	o, _, _ := filled(t)
	s := open(t, o)
	const epochs = 4
	l := loader(t, s, 1, epochs)
	var fetched atomic.Int64
	l.fetch = func(b *Batch) error { defer fetched.Add(1); return l.makeResident(b) }
	batches := 0
	for epoch := 1; epoch <= epochs; epoch++ {
		for _, err := range l.Epoch(context.Background(), epoch, 0) {
			expect.NoError(t, err)
			batches++
			// The limit is there for a loader that reads nothing ahead.
			for deadline := time.Now().Add(time.Minute); batches < epochs*images && int(fetched.Load()) <= batches; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d batches are read during step %d", fetched.Load(), batches)
				}
			}
		}
	}
	if batches != epochs*images || int(fetched.Load()) != batches {
		t.Errorf("%d steps, %d batches read", batches, fetched.Load())
	}
}

// TestCutOff: a file that is cut off while it is in use is an error, not the end of the process.
func TestCutOff(t *testing.T) {
	o, _, folder := filled(t)
	s := open(t, o)
	expect.NoError(t, os.Truncate(filepath.Join(folder, "x_01.fp32"), 0))
	var last error
	for _, err := range loader(t, s, 4, 1).Epoch(context.Background(), 1, 0) {
		last = err
	}
	expect.Error(t, last, "x_01.fp32 can't be read any more", "dtl-tf cache clear")
}

// TestCloseDuringEpoch: whoever closes store or loader while a step reads a batch, what it reads stays there and right, and the
// loop ends with an error, or at its end if that was made before.
func TestCloseDuringEpoch(t *testing.T) {
	o, _, _ := filled(t)
	for i := range 50 {
		s := open(t, o)
		l := loader(t, s, 1, 3)
		var group errgroup.Group
		batches := 0
		for b, err := range l.Epoch(context.Background(), 1, 0) {
			if err != nil {
				expect.Error(t, err, "the feature cache is closed")
				break
			}
			if batches++; batches == 1 {
				for range 4 {
					group.Go(s.Close)
					if i%2 == 0 {
						group.Go(func() error { l.Close(); return nil })
					}
				}
			}
			if i%4 < 2 {
				expect.NoError(t, group.Wait())
			}
			check(t, s, b)
		}
		expect.NoError(t, group.Wait())
		if i%4 == 1 && batches != images {
			t.Errorf("the loop ended after %d of %d batches, and only the store was closed", batches, images)
		}
		for _, err := range l.Epoch(context.Background(), 7, 0) {
			expect.Error(t, err, "the feature cache is closed")
		}
		for _, m := range l.files {
			if l.Close(); m.pins != 0 {
				t.Errorf("%d still hold %s", m.pins, m.path)
			}
		}
		if _, err := s.Loader(nil, nil, 1); err == nil {
			t.Error("a closed store gave a loader")
		}
	}
}

// BenchmarkOpen and BenchmarkEpoch are the two things that cost time; b.SetBytes gives the rate.
func BenchmarkOpen(b *testing.B) {
	o, s := large(b)
	s.Close()
	b.SetBytes(s.Bytes())
	for b.Loop() {
		s, err := Open(context.Background(), o, NewImages(sums()))
		if err != nil || len(s.Missing()) > 0 {
			b.Fatal(err, s.Missing())
		}
		s.Close()
	}
}

func BenchmarkEpoch(b *testing.B) {
	_, s := large(b)
	defer s.Close()
	l, err := s.Loader([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, func(int) ([][]int, error) { return [][]int{{3, 4, 5}, {1, 7, 9}}, nil }, 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.SetBytes(s.Bytes() * 6 / 10)
	epoch := 0
	for b.Loop() {
		epoch++
		for _, err := range l.Epoch(context.Background(), epoch, 0) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// large is a cache of 8 values of ten images, the size of those of ViT-B/16 each.
func large(b *testing.B) (Options, *Store) {
	o, _ := options(b.TempDir())
	o.Values = nil
	for i := range 8 {
		o.Values = append(o.Values, Value{fmt.Sprintf("x_%02d", i), []int{197, 768 * 4}})
	}
	s, err := Open(context.Background(), o, NewImages(sums()))
	if err != nil {
		b.Fatal(err)
	}
	w, err := s.Writer(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	for row := range images {
		if err := w.Write([]int{row}, compute(o, row)); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		b.Fatal(err)
	}
	return o, s
}
