package data

import (
	"os"
	"path/filepath"
	"testing"
)

// shared returns a file or folder of ../shared, which is not part of the repository.
func shared(t testing.TB, path string) string {
	t.Helper()
	full := filepath.Join("..", "..", "..", "shared", path)
	if _, err := os.Stat(full); err != nil {
		t.Skipf("../shared/%s is missing: %v", path, err)
	}
	return full
}

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
	benchmarkLoad(b, shared(b, "vtab-1k/eurosat/images/train800/000000.jpg"))
}

// A 32 x 32 PNG to 224 x 224.
func BenchmarkLoadPNG(b *testing.B) {
	benchmarkLoad(b, shared(b, "vtab-1k/cifar/images/train800/000000.png"))
}

// A photograph to 224 x 224.
func BenchmarkLoadPhotograph(b *testing.B) {
	benchmarkLoad(b, shared(b, "vtab-1k/caltech101/images/train800/000000.jpg"))
}

func BenchmarkLoadParallel(b *testing.B) {
	path := shared(b, "vtab-1k/caltech101/images/train800/000000.jpg")
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
