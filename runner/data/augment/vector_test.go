package augment

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"testing"
)

// readVectors decodes the JSON line of a file of scripts/make_augment_vectors.py into head and returns the reader of its bytes.
func readVectors(t testing.TB, name string, head any) (take func(n int) []byte) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(z)
	line, err := r.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, head)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// drawn is the image that draw of the script draws.
func drawn(height, width int, kind string) Image {
	m := Image{make([]uint8, height*width*3), height, width}
	for y := range height {
		for x := range width {
			for c := range 3 {
				noise := int(uint32((x*73+y*151+c*29+x*y*17)*2654435761) >> 24)
				v := x*255/max(width-1, 1) + y*3 + c*60 + noise>>2
				if kind == "flat" {
					v = 90 + noise>>6*9 + x*2 + c*10
				}
				m.Pix[(y*width+x)*3+c] = uint8(v)
			}
		}
	}
	return m
}

func generator(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
