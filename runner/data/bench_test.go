package data

import (
	"context"
	"testing"

	"dtl-tf/graph/need"
)

func benchmarkLoad(b *testing.B, path string) {
	images := Images{Decoder: decoder(b), Size: 224}
	for b.Loop() {
		if _, err := images.Load(path); err != nil {
			b.Fatal(err)
		}
	}
}

// A 64 x 64 JPEG to 224 x 224.
func BenchmarkLoadJPEG(b *testing.B) {
	benchmarkLoad(b, need.Shared(b, "vtab-1k/eurosat/images/train800/000000.jpg"))
}

// A 32 x 32 PNG to 224 x 224.
func BenchmarkLoadPNG(b *testing.B) {
	benchmarkLoad(b, need.Shared(b, "vtab-1k/cifar/images/train800/000000.png"))
}

// A photograph to 224 x 224.
func BenchmarkLoadPhotograph(b *testing.B) {
	benchmarkLoad(b, need.Shared(b, "vtab-1k/caltech101/images/train800/000000.jpg"))
}

func BenchmarkLoadParallel(b *testing.B) {
	path := need.Shared(b, "vtab-1k/caltech101/images/train800/000000.jpg")
	images := Images{Decoder: decoder(b), Size: 224}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := images.Load(path); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkResize(b *testing.B) {
	p := newPixels(64, 64)
	for b.Loop() {
		resize(p, 224)
	}
}

// benchmarkLoader measures batches of 32 images of 224 x 224; divide by 32 for the time an image.
func benchmarkLoader(b *testing.B, cacheBytes int64) {
	s, err := Open(need.Shared(b, "vtab-1k/eurosat"))
	if err != nil {
		b.Fatal(err)
	}
	items, err := s.Split(Train)
	if err != nil {
		b.Fatal(err)
	}
	images := Images{Decoder: decoder(b), Size: 224}
	l, err := NewLoader(items, images, LoaderOptions{
		Batch: 32, Shuffle: true, DropLast: true, CacheBytes: cacheBytes, LastEpoch: 1 << 30,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	run := func(epoch, most int) (n int) {
		for _, err := range l.Epoch(context.Background(), epoch) {
			if err != nil {
				b.Fatal(err)
			}
			if n++; n == most {
				break
			}
		}
		return n
	}
	run(0, -1) // fills the cache
	b.ResetTimer()
	for n, epoch := 0, 1; n < b.N; epoch++ {
		n += run(epoch, b.N-n)
	}
}

func BenchmarkLoaderCached(b *testing.B)   { benchmarkLoader(b, 0) }
func BenchmarkLoaderUncached(b *testing.B) { benchmarkLoader(b, -1) }
