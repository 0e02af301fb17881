package data

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestUpright: all eight orientations, in files of three formats and both byte orders, give the pixels of Pillow's
// ImageOps.exif_transpose; without Upright they stay as stored.
func TestUpright(t *testing.T) {
	files, err := filepath.Glob("testdata/*.upright")
	if err != nil || len(files) < 13 {
		t.Fatalf("%d vectors: %v", len(files), err)
	}
	jpegs := decoder(t)
	seen := map[int]bool{}
	for _, file := range files {
		turned := readVector(t, file)
		stored := readVector(t, strings.TrimSuffix(file, ".upright")+".expect")
		seen[orientationOf(turned.content)] = true
		for _, c := range []struct {
			upright bool
			want    vector
		}{{true, turned}, {false, stored}} {
			p, err := Images{Decoder: jpegs, Upright: c.upright}.decode(turned.content, MaxPixels)
			if err != nil {
				t.Fatal(err)
			}
			if p.height != c.want.Height || p.width != c.want.Width {
				t.Errorf("%s, upright %v: %d x %d, want %d x %d", file, c.upright, p.height, p.width, c.want.Height, c.want.Width)
			} else if count, largest := difference(t, p.pix, c.want.rgb); largest > 0 {
				t.Errorf("%s, upright %v: %d values differ by up to %d levels", file, c.upright, count, largest)
			}
		}
	}
	if len(seen) != 8 {
		t.Errorf("orientations %v, want 1 to 8", seen)
	}
}

// exifWith is an EXIF block whose only entry is the orientation, of a type with a number of values.
func exifWith(order binary.AppendByteOrder, kind uint16, count uint32, value []byte) []byte {
	head := map[binary.AppendByteOrder]string{binary.LittleEndian: "II*\x00", binary.BigEndian: "MM\x00*"}[order]
	b := order.AppendUint16(order.AppendUint32([]byte(head), 8), 1)
	b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, 0x0112), kind), count)
	return order.AppendUint32(append(b, value...), 0)
}

// TestPNGOrientation: where EXIF blocks stand in PNGs, and types of the orientation. The values are those of Image.getexif in Pillow 13.0.
func TestPNGOrientation(t *testing.T) {
	chunk := func(name, content string) string {
		b := append(binary.BigEndian.AppendUint32(nil, uint32(len(content))), name+content...)
		return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:])))
	}
	packed := func(text string) string {
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		return b.String()
	}
	profile := func(exif string) string { // as ImageMagick writes it, 36 bytes a line
		var b strings.Builder
		fmt.Fprintf(&b, "\nexif\n%8d\n", len(exif))
		for line := range slices.Chunk([]byte(exif), 36) {
			b.WriteString(hex.EncodeToString(line) + "\n")
		}
		return b.String()
	}
	const key = "Raw profile type exif\x00"
	le, be := binary.LittleEndian, binary.BigEndian
	six, three := string(exifWith(le, 3, 1, []byte{6, 0, 0, 0})), string(exifWith(be, 3, 1, []byte{0, 3, 0, 0}))
	for _, c := range []struct {
		name, chunks string
		want         int
	}{
		{"eXIf", chunk("eXIf", six), 6},
		{"big-endian", chunk("eXIf", three), 3},
		{"with the mark of JPEG", chunk("eXIf", exifMark+six), 6},
		{"with two marks", chunk("eXIf", exifMark+exifMark+six), 6},
		{"signed shorts", chunk("eXIf", string(exifWith(le, 8, 1, []byte{6, 0, 0, 0}))), 6},
		{"signed longs", chunk("eXIf", string(exifWith(be, 9, 1, []byte{0, 0, 0, 8}))), 8},
		{"bytes", chunk("eXIf", string(exifWith(le, 1, 1, []byte{6, 0, 0, 0}))), 1},
		{"no value", chunk("eXIf", string(exifWith(le, 3, 0, []byte{6, 0, 0, 0}))), 1},
		{"packed profile", chunk("zTXt", key+"\x00"+packed(profile(exifMark+six))), 6},
		{"long packed profile", chunk("zTXt", key+"\x00"+packed(profile(exifMark+six+strings.Repeat("x", 200_000)))), 6},
		{"profile", chunk("tEXt", key+profile(exifMark+three)), 3},
		{"profile after the pixels", chunk("IDAT", "") + chunk("tEXt", key+profile(exifMark+three)), 3},
		{"eXIf before a profile", chunk("tEXt", key+profile(exifMark+three)) + chunk("eXIf", six), 6},
		{"another profile", chunk("tEXt", "Raw profile type xmp\x00"+profile(exifMark+six)), 1},
		{"a damaged profile", chunk("zTXt", key+"\x00text"), 1},
		{"a profile without digits", chunk("tEXt", key+"\nexif"), 1},
		{"an empty profile", chunk("zTXt", key), 1},
	} {
		content := magicPNG + chunk("IHDR", "\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00") + c.chunks + chunk("IEND", "")
		if got := orientationOf([]byte(content)); got != c.want {
			t.Errorf("%s: orientation %d, want %d", c.name, got, c.want)
		}
	}
}
