package data

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
)

// exifOfPNG returns the content of the chunk eXIf, which may follow the pixels, or else the profile of ImageMagick in a text, or nil.
func exifOfPNG(f io.ReaderAt) (profile []byte) {
	const maxChunks, maxBytes = 100_000, 1 << 16
	at, found := int64(len(magicPNG)), false
	for range maxChunks {
		var head [8]byte
		if _, err := f.ReadAt(head[:], at); err != nil {
			break
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		switch name := string(head[4:]); name {
		case "eXIf", "tEXt", "zTXt":
			content, _ := io.ReadAll(io.NewSectionReader(f, at+8, min(length, maxBytes)))
			if name == "eXIf" {
				return content
			}
			if text, ok := bytes.CutPrefix(content, []byte(rawProfile)); ok && !found { // the first, so that a file unpacks one at most
				profile, found = unpackProfile(text, name == "zTXt"), true
			}
		}
		at += 8 + length + 4
	}
	return profile
}

// rawProfile is the name of the text in which ImageMagick stores an EXIF block.
const rawProfile = "Raw profile type exif\x00"

// unpackProfile returns the EXIF block in a text of ImageMagick, nil if it is damaged: a line break, a line "exif", a line with the
// length, and the bytes in hexadecimal, in lines. Of a long one it returns the beginning, where the orientation is.
func unpackProfile(text []byte, packed bool) []byte {
	const maxText = 1 << 18
	if len(text) == 0 {
		return nil
	}
	if packed {
		z, err := zlib.NewReader(bytes.NewReader(text[1:])) // after the method, which is always 0
		if err != nil {
			return nil
		}
		text, _ = io.ReadAll(io.LimitReader(z, maxText))
	}
	const headLines = 3
	lines := bytes.SplitN(text, []byte("\n"), headLines+1)
	if len(lines) <= headLines {
		return nil
	}
	digits := bytes.ReplaceAll(lines[headLines], []byte("\n"), nil)
	profile := make([]byte, len(digits)/2)
	n, _ := hex.Decode(profile, digits[:2*len(profile)])
	return profile[:n]
}
