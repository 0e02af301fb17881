package data

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/need"
)

func chunk(name string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, name...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// TestBombs: images that claim more pixels than the limit are refused from their header, whatever the format; the message
// has the size and the limit.
func TestBombs(t *testing.T) {
	le := binary.LittleEndian
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 60000), 60000)
	asPNG := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(header, 8, 2, 0, 0, 0))...)
	asGIF := append(le.AppendUint16(le.AppendUint16([]byte("GIF89a"), 60000), 60000), 0, 0, 0)
	asBMP := append([]byte("BM"), make([]byte, 52)...)
	le.PutUint32(asBMP[10:], 54)
	le.PutUint32(asBMP[14:], 40)
	le.PutUint32(asBMP[18:], 60000)
	le.PutUint32(asBMP[22:], 60000)
	le.PutUint16(asBMP[26:], 1)
	le.PutUint16(asBMP[28:], 24)
	asJPEG := []byte("\xff\xd8\xff\xc0\x00\x11\x08\xea\x60\xea\x60\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xda\xff\xd9")
	asTIFF := []byte("II*\x00\x08\x00\x00\x00\x02\x00\x00\x01\x04\x00\x01\x00\x00\x00\x60\xea\x00\x00\x01\x01\x04\x00\x01\x00\x00\x00\x60\xea\x00\x00")
	// An animation's canvas; a picture of its own size can't be as large.
	asWebP := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x5f\xea\x00\x5f\xea\x00ANMF"), read(t, "offset.webp")[48:]...)
	le.PutUint32(asWebP[4:], uint32(len(asWebP)-8))
	for name, content := range map[string][]byte{"PNG": asPNG, "GIF": asGIF, "BMP": asBMP, "JPEG": asJPEG, "TIFF": asTIFF, "WebP": asWebP} {
		path := filepath.Join(t.TempDir(), "image.jpg") // the name says nothing
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		want := "image " + path + ": " + name + " image of 60000 x 60000 pixels, more than the limit of 100000000: scale it down first"
		if _, err := (Images{Size: 8}).Load(path); err == nil || err.Error() != want {
			t.Errorf("%s: error %q, want %q", name, err, want)
		}
	}
}

// TestKnownByName: formats that are not read are named with the way out, under whatever extension.
func TestKnownByName(t *testing.T) {
	for content, want := range map[string]string{
		"II+\x00\x08\x00\x00\x00":          "BigTIFF images are not read: convert it to PNG or JPEG",
		"MM\x00+\x00\x08\x00\x00":          "BigTIFF images are not read",
		"\x00\x00\x00\x20ftypavis":         "AVIF images are not read",
		"\x00\x00\x00\x18ftypheic":         "HEIC images are not read",
		"\x00\x00\x00\x0cjP  \r\n\x87\n":   "JPEG 2000 images are not read",
		"RIFF\x24\x00\x00\x00WAVEfmt ":     "not an image in a known format (JPEG, PNG, GIF, BMP, WebP, TIFF)",
		"\x00\x00\x00\x20ftypisom":         "not an image in a known format",
		"version https://git-lfs.github.c": `it starts with "version "`,
	} {
		path := filepath.Join(t.TempDir(), "photo.jpg")
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := (Images{Size: 8}).Load(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: error %v, want %q", content, err, want)
		}
	}
}

// TestAnimated: of a GIF and of an animated PNG the first frame is taken, as Pillow's Image.open does.
func TestAnimated(t *testing.T) {
	first, second := color.RGBA{200, 10, 20, 255}, color.RGBA{0, 0, 255, 255}
	all := gif.GIF{Delay: []int{1, 1}}
	for i := range 2 {
		frame := image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{first, second})
		for at := range frame.Pix {
			frame.Pix[at] = uint8(i)
		}
		all.Image = append(all.Image, frame)
	}
	var asGIF, asPNG bytes.Buffer
	if err := gif.EncodeAll(&asGIF, &all); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&asPNG, all.Image[0]); err != nil {
		t.Fatal(err)
	}
	// The animation's chunks: how many frames, the first (the image itself), and a second that no decoder of PNG knows.
	plain := asPNG.Bytes()
	const ihdr = 8 + 25
	end := len(plain) - 12
	be := binary.BigEndian
	control := func(sequence uint32) []byte {
		c := be.AppendUint32(be.AppendUint32(be.AppendUint32(nil, sequence), 4), 4)
		return chunk("fcTL", append(be.AppendUint32(be.AppendUint32(c, 0), 0), 0, 1, 0, 1, 0, 0))
	}
	animated := bytes.Join([][]byte{
		plain[:ihdr], chunk("acTL", []byte{0, 0, 0, 2, 0, 0, 0, 0}), control(0), plain[ihdr:end],
		control(1), chunk("fdAT", []byte("\x00\x00\x00\x02rubbish")), plain[end:],
	}, nil)
	for name, content := range map[string][]byte{"GIF": asGIF.Bytes(), "APNG": animated} {
		p, err := decode(content, nil, MaxPixels)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := 0; i < len(p.pix); i += 3 {
			if [3]uint8(p.pix[i:]) != [3]uint8{first.R, first.G, first.B} {
				t.Fatalf("%s: pixel %d is %v", name, i/3, p.pix[i:i+3])
			}
		}
	}
}

// TestListEscape: a list can't name a file outside its folder, but a link in the folder may lead there.
func TestListEscape(t *testing.T) {
	store, root := t.TempDir(), t.TempDir()
	for _, name := range []string{"../x.png", "/etc/passwd", "a/../../x.png", ".."} {
		want := `line 2: path "` + name + `" leaves the data set's folder: want one relative to it`
		if _, err := parseList(root, "train.txt", []byte("a.png 0\n"+name+" 0\n"), 0); err == nil || err.Error() != "train.txt "+want {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
	if err := os.WriteFile(filepath.Join(store, "1.png"), read(t, "rgb8.png"), 0o666); err != nil {
		t.Fatal(err)
	}
	need.NoError(t, os.Symlink(store, filepath.Join(root, "images")))
	if err := os.WriteFile(filepath.Join(root, "train.txt"), []byte("images/1.png 0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	set, err := openLists(root, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Images{Size: 8}).Load(set.splits[Train][0].Path); err != nil {
		t.Error(err)
	}
	// A list that is a folder, or of a size that no list has.
	if err := os.Remove(filepath.Join(root, "train.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "train.txt"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := openLists(root, 0); err == nil || !strings.Contains(err.Error(), "train.txt: is a folder, not a file") {
		t.Errorf("a folder: %v", err)
	}
	sparse := filepath.Join(store, "test.txt")
	if err := os.WriteFile(sparse, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	need.NoError(t, os.Truncate(sparse, 1<<40)) // not every file system has sparse files
	if _, err := openLists(store, 0); err == nil || !strings.Contains(err.Error(), "1099511627776 bytes are more than the limit") {
		t.Errorf("a terabyte: %v", err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
