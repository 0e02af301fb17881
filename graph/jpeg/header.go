package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
)

// Is tells whether data starts like a JPEG image: with the start-of-image marker and another marker.
func Is(data []byte) bool {
	return len(data) >= 3 && data[0] == 0xff && data[1] == markerSOI && data[2] == 0xff
}

// Size reads height and width in pixels from the frame header, without decoding. So a small file
// that claims to be a huge image can be refused before memory is allocated for it.
func Size(data []byte) (height, width int, err error) {
	h, err := readHeader(data)
	return h.height, h.width, err
}

// Progressive tells whether the image is stored in several passes. Decoding it takes memory for the coefficients of all of it, about
// as much as for its pixels.
func Progressive(data []byte) bool {
	h, err := readHeader(data)
	return err == nil && h.progressive
}

// Markers of ITU-T T.81, table B.1.
const (
	markerTEM   = 0x01
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerAPP1  = 0xe1
	markerAPP14 = 0xee
)

// header is the content of the segments before the image data.
type header struct {
	height, width int
	components    int  // 1 grey, 3 colour, 4 CMYK or YCCK
	adobe         bool // has an APP14 segment of Adobe
	progressive   bool
}

func readHeader(data []byte) (header, error) {
	var h header
	if !Is(data) {
		return h, errors.New("not a JPEG image")
	}
	last := byte(0)
	for marker, segment := range segments(data) {
		last = marker
		switch {
		case isFrame(marker) && len(segment) >= 6:
			// precision 1, height 2, width 2, components 1
			h.height = int(binary.BigEndian.Uint16(segment[1:]))
			h.width = int(binary.BigEndian.Uint16(segment[3:]))
			h.components = int(segment[5])
			h.progressive = marker&3 == 2 // SOF2, SOF6, SOF10 and SOF14
			if h.height == 0 || h.width == 0 || h.components == 0 {
				return h, errors.New("the frame header gives no size")
			}
		case marker == markerAPP14 && bytes.HasPrefix(segment, []byte("Adobe")):
			h.adobe = true
		}
	}
	switch {
	case h.components > 0:
		return h, nil
	case last == markerSOS || last == markerEOI:
		return h, errors.New("no frame header before the image data")
	}
	return h, errors.New("the file ends before the frame header")
}

// segments yields the markers up to the image data, each with its segment without the length field (shortened if the file ends
// before).
func segments(data []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for i := 2; i+1 < len(data); {
			marker := data[i+1]
			if data[i] != 0xff || marker == 0xff || marker == 0 {
				i++ // like libjpeg, skip garbage and fill bytes between segments
				continue
			}
			var segment []byte
			next := i + 2
			if marker != markerTEM && (marker < 0xd0 || marker > markerEOI) { // a length follows
				if i+4 > len(data) {
					return
				}
				next += max(int(binary.BigEndian.Uint16(data[i+2:])), 2)
				segment = data[i+4 : max(min(next, len(data)), i+4)]
			}
			if !yield(marker, segment) || marker == markerSOS || marker == markerEOI {
				return
			}
			i = next
		}
	}
}

// Exif is the content of the first EXIF segment, from its TIFF header on, or nil. data need not go beyond that segment.
func Exif(data []byte) []byte {
	if !Is(data) {
		return nil
	}
	for marker, segment := range segments(data) {
		if content, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && marker == markerAPP1 {
			return content
		}
	}
	return nil
}

// isFrame is true for SOF0 to SOF15. 0xc4, 0xc8 and 0xcc in that range are no frame headers.
func isFrame(marker byte) bool {
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
}

// hasEnd tells whether there is an end-of-image marker, possibly followed by garbage.
func hasEnd(data []byte) bool {
	return bytes.LastIndex(data, []byte{0xff, markerEOI}) > 0
}

// withAdobe adds Adobe's segment to a four-channel image that lacks it. Adobe's programs store inks
// inverted. Pillow assumes that of every CMYK image, TensorFlow only if the segment is present.
func withAdobe(data []byte) []byte {
	h, err := readHeader(data)
	if err != nil || h.components != 4 || h.adobe {
		return data
	}
	// Length 14, version 100, two words of flags, colour transform 0: plain CMYK.
	segment := "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
	return bytes.Join([][]byte{data[:2], data[2:]}, []byte(segment))
}
