package data

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoadErrors(t *testing.T) {
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	// A PNG header that claims 60,000 x 60,000 pixels.
	bomb := read("rgb8.png")
	binary.BigEndian.PutUint32(bomb[16:], 60000)
	binary.BigEndian.PutUint32(bomb[20:], 60000)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	jpegBomb := read("ycc420.jpg")
	frame := strings.Index(string(jpegBomb), "\xff\xc0")
	binary.BigEndian.PutUint16(jpegBomb[frame+5:], 65000)
	binary.BigEndian.PutUint16(jpegBomb[frame+7:], 65000)
	corrupt := read("rgb8.png")
	corrupt[100] ^= 0xff

	canvas := read("exif.webp") // it has an extended header
	canvas[24]++
	endless := func(name string) []byte { // its last strip lies beyond the end of the file
		content := read(name)
		d, err := openDirectory(content)
		if err != nil {
			t.Fatal(err)
		}
		for e := d.entries; len(e) > 0; e = e[12:] {
			if at := binary.LittleEndian.Uint32(e[8:]); binary.LittleEndian.Uint16(e) == tagStripOffsets {
				binary.LittleEndian.PutUint32(content[at+12:], 1<<30)
			}
		}
		return content
	}
	images := Images{Decoder: decoder(t), Size: 8}
	root := t.TempDir()
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty.jpg":   {nil, "the file is empty"},
		"text.jpg":    {[]byte("<html>not found</html>"), `not an image in a known format (JPEG, PNG, GIF, BMP, WebP, TIFF): it starts with "<html>no"`},
		"bomb.png":    {bomb, "60000 x 60000 pixels, more than the limit of 100000000"},
		"bomb.jpg":    {jpegBomb, "65000 x 65000 pixels, more than the limit"},
		"cut.png":     {read("rgb8.png")[:500], "PNG image: "},
		"cut.gif":     {read("clear.gif")[:400], "GIF image: "},
		"cut.bmp":     {read("rgb24.bmp")[:400], "BMP image: "},
		"cut.jpg":     {read("big420.jpg")[:900], "truncated"},
		"cut.webp":    {read("lossy_big.webp")[:400], "WebP image: the file ends early"},
		"cut.tif":     {read("rgb.tif")[:100], "TIFF image: the file ends early"},
		"strip.tif":   {endless("strips.tif"), "TIFF image: the file ends early"},
		"magic.webp":  {[]byte("RIFF\x04\x00\x00\x00WEBP"), "WebP image: the file has no picture"},
		"canvas.webp": {canvas, "WebP image: its canvas is 41 x 26 pixels, its picture 40 x 26"},
		"magic.tif":   {[]byte("II*\x00"), "TIFF image: the file ends early"},
		"magic.png":   {[]byte("\x89PNG\r\n\x1a\n"), "PNG image: "},
		"magic.gif":   {[]byte("GIF89a"), "GIF image: "},
		"magic.bmp":   {[]byte("BM"), "BMP image: "},
		"change.png":  {corrupt, "PNG image: "},
	} {
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, c.content, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := images.Load(path)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with the path and %q", name, err, c.want)
		}
	}
	for name, path := range map[string]string{"missing": filepath.Join(root, "none.png"), "folder": root} {
		if _, err := images.Load(path); err == nil || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: error %v, want one that names the path once", name, err)
		}
	}
	content := read("rgb8.png")
	if _, err := decode(content, images.Decoder, 17*23-1); err == nil || !strings.Contains(err.Error(), "limit of 390") {
		t.Errorf("own limit: error %v", err)
	}
}
