package jpeg

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"
)

// images are some of those that scripts/make_image_vectors.py made for runner/data, whose tests compare the pixels with Pillow's.
const images = "testdata"

func open(t testing.TB, threads int) *Decoder {
	t.Helper()
	d, err := NewDecoder(threads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(images, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodeConcurrently(t *testing.T) {
	d := open(t, 2)
	data := read(t, "big420.jpg")
	want, h, w, err := d.Decode(data)
	if err != nil || h != 67 || w != 91 || len(want) != 67*91*3 {
		t.Fatalf("%d x %d, %d values, error %v", h, w, len(want), err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 20 {
				got, _, _, err := d.Decode(data)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("another result in parallel, error %v", err)
					return
				}
			}
		}()
	}
	wg.Wait()
}

func TestTwoDecoders(t *testing.T) {
	data := read(t, "grey.jpg")
	for _, threads := range []int{0, 1, 2, 2} { // the last two share a pool
		if _, _, _, err := open(t, threads).Decode(data); err != nil {
			t.Errorf("%d threads: %v", threads, err)
		}
	}
}

func TestDecodeRefusesDamage(t *testing.T) {
	d := open(t, 1)
	whole := read(t, "ycc420.jpg")
	scan := bytes.Index(whole, []byte{0xff, markerSOS})
	// Like Pillow, accept an image that ends early but with an end marker; what is missing is grey.
	early := append(bytes.Clone(whole[:scan+20]), 0xff, markerEOI)
	if _, _, _, err := d.Decode(early); err != nil {
		t.Errorf("image that ends early: %v", err)
	}
	noTables := append(bytes.Clone(whole[:2]), whole[bytes.Index(whole, []byte{0xff, 0xc0}):]...)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":      {nil, "not a JPEG"},
		"png":        {read(t, "rgb8.png"), "not a JPEG"},
		"two bytes":  {whole[:2], "not a JPEG"},
		"half":       {whole[:len(whole)/2], "truncated"},
		"no end":     {whole[:len(whole)-2], "truncated"},
		"no tables":  {noTables, "truncated or corrupt"},
		"no content": {[]byte("\xff\xd8\xff\xd9"), "corrupt"},
	} {
		_, _, _, err := d.Decode(c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, c.want)
		}
	}
}

func TestSize(t *testing.T) {
	for name, want := range map[string][2]int{
		"big420.jpg": {67, 91}, "progressive.jpg": {67, 91}, "grey.jpg": {17, 23}, "cmyk_plain.jpg": {17, 23},
		"exif_rotated.jpg": {17, 23},
	} {
		h, w, err := Size(read(t, name))
		if got := Progressive(read(t, name)); got != (name == "progressive.jpg") {
			t.Errorf("%s: progressive %v", name, got)
		}
		if err != nil || h != want[0] || w != want[1] {
			t.Errorf("%s: %d x %d, error %v", name, h, w, err)
		}
	}
}

// FuzzSize looks for panics and endless loops in the header parser.
func FuzzSize(f *testing.F) {
	f.Add(read(f, "grey.jpg"))
	f.Add([]byte("\xff\xd8\xff\xc0\x00\x01\xff\xff"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _, _ = Size(data)
		_ = withAdobe(data)
	})
}

func BenchmarkDecode(b *testing.B) {
	d, data := open(b, 2), read(b, "big420.jpg")
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			if _, _, _, err := d.Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, _, _, err := d.Decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// TestCloseWhileDecoding checks that an image is either decoded correctly or refused because the decoder is closed.
func TestCloseWhileDecoding(t *testing.T) {
	d := open(t, 2)
	data := read(t, "big420.jpg")
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			for {
				if pix, _, _, err := d.Decode(data); err != nil {
					if err.Error() != "the JPEG decoder is closed" {
						return err
					}
					return nil
				} else if len(pix) != 67*91*3 {
					return fmt.Errorf("%d values", len(pix))
				}
			}
		})
	}
	if _, _, _, err := d.Decode(data); err != nil {
		t.Error(err)
	}
	group.Go(d.Close)
	group.Go(d.Close)
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}
