package data

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestSurvey: among all stored images, those that Pillow's getexif says are turned and those that it opens as I;16.
func TestSurvey(t *testing.T) {
	var items []Item
	for _, v := range vectors(t) {
		items = append(items, Item{Path: filepath.Join("testdata", v.name), Name: v.name})
	}
	late := filepath.Join(t.TempDir(), "late.png") // its orientation stands behind the pixels
	plain := read(t, "rgb8.png")
	end := len(plain) - 12
	tiff := []byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x04\x00\x00\x00\x01\x00\x00\x00\x05")
	if err := os.WriteFile(late, bytes.Join([][]byte{plain[:end], chunk("eXIf", tiff), plain[end:]}, nil), 0o666); err != nil {
		t.Fatal(err)
	}
	items = append(items, Item{Path: late, Name: "late.png"}, Item{Path: late, Name: "again.png"}, Item{Path: "gone", Name: "gone"}, Item{Path: t.TempDir(), Name: "folder"})
	s, err := Look(context.Background(), items, Images{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"grey16.png", "grey16_adam7.png", "grey16_big.tif", "grey16_little.tif", "grey_key16.png"}; !slices.Equal(s.Grey16, want) {
		t.Errorf("16-bit greys %q, want %q", s.Grey16, want)
	}
	if want := []string{"exif.png", "exif.webp", "exif2.jpg", "exif3.jpg", "exif4.jpg", "exif5.jpg", "exif6.jpg", "exif7.jpg", "exif8.jpg", "exif_big_endian.jpg", "exif_rotated.jpg", "late.png"}; !slices.Equal(s.Turned, want) {
		t.Errorf("turned %q, want %q", s.Turned, want)
	}
	notes := s.Notes()
	if len(notes) != 2 || !strings.Contains(notes[0], "16-bit grey images: 5 (grey16.png, grey16_adam7.png, grey16_big.tif, grey16_little.tif, grey_key16.png): ") ||
		!strings.Contains(notes[1], "other than upright: 12 (exif.png, exif.webp, exif2.jpg, exif3.jpg, exif4.jpg and 7 more): ") {
		t.Errorf("notes %q", notes)
	}
	upright, err := Look(context.Background(), items, Images{Upright: true})
	if notes := upright.Notes(); err != nil || !strings.Contains(notes[1], "are turned upright (--exif)") || strings.Contains(notes[1], "as stored") {
		t.Errorf("turned: %q, %v", notes, err)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Look(stopped, items, Images{}); err != context.Canceled {
		t.Errorf("stopped: %v", err)
	}
	if notes := (Survey{}).Notes(); notes != nil {
		t.Errorf("nothing to say: %q", notes)
	}
}

// tiffBlock is a TIFF block with one entry.
func tiffBlock(order binary.AppendByteOrder, tag, kind uint16, value uint32) []byte {
	out := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		out = []byte("MM\x00*")
	}
	out = order.AppendUint16(order.AppendUint32(out, 8), 1)
	return order.AppendUint32(order.AppendUint32(order.AppendUint16(order.AppendUint16(out, tag), kind), 1), value)
}

func TestOrientation(t *testing.T) {
	little, big := binary.LittleEndian, binary.BigEndian
	cut := tiffBlock(little, 0x0112, 3, 6)
	for _, c := range []struct {
		name string
		tiff []byte
		want int
	}{
		{"little endian", tiffBlock(little, 0x0112, 3, 6), 6},
		{"big endian", tiffBlock(big, 0x0112, 3, 8<<16), 8},
		{"a long", tiffBlock(big, 0x0112, 4, 3), 3},
		{"upright", tiffBlock(little, 0x0112, 3, 1), 1},
		{"no such orientation", tiffBlock(little, 0x0112, 3, 9), 1},
		{"another tag", tiffBlock(little, 0x0113, 3, 6), 1},
		{"a rational", tiffBlock(little, 0x0112, 5, 6), 1},
		{"cut off", cut[:len(cut)-1], 1},
		{"a directory far away", []byte("II*\x00\xff\xff\xff\xff\x01\x00"), 1},
		{"many entries claimed", []byte("II*\x00\x08\x00\x00\x00\xff\xff\x00\x00"), 1},
		{"no header", []byte("Exif"), 1},
		{"nothing", nil, 1},
	} {
		if got := orientation(c.tiff); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// FuzzTrait: what the head of a file claims costs no memory and no panic.
func FuzzTrait(f *testing.F) {
	for _, name := range []string{"exif_rotated.jpg", "exif_big_endian.jpg", "exif.png", "grey16.png"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add(append([]byte(magicPNG), "\xff\xff\xff\xffeXIfII*\x00"...))
	f.Add(append([]byte(magicPNG), "\x00\x00\x00\x35tEXt"+rawProfile+"\nexif\n       8\n49492a0008000000\n0000"...))
	path := filepath.Join(f.TempDir(), "image")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		expect.Memory(t, 0, func() { traitOf(path) })
	})
}
