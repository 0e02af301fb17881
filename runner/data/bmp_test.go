package data

import (
	"encoding/binary"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestBMPClaims: a header that claims more than the file holds costs nothing, and kinds that are not read are named.
func TestBMPClaims(t *testing.T) {
	le := binary.LittleEndian
	header := func(width, height uint32, bits uint16, compression, info uint32) []byte {
		b := append([]byte("BM"), make([]byte, 52)...)
		le.PutUint32(b[10:], 54)
		le.PutUint32(b[14:], info)
		le.PutUint32(b[18:], width)
		le.PutUint32(b[22:], height)
		le.PutUint16(b[26:], 1)
		le.PutUint16(b[28:], bits)
		le.PutUint32(b[30:], compression)
		return append(b, make([]byte, 100)...)
	}
	for want, content := range map[string][]byte{
		"the file ends early: 100 bytes of pixels, 9000 rows of 27000 bytes are wanted": header(9000, 9000, 24, 0, 40),
		"BMP images of 16 bits a pixel are not read: convert it to PNG":                 header(5, 5, 16, 0, 40),
		"BMP images compressed by run lengths (RLE) are not read":                       header(5, 5, 8, 1, 40),
		"BMP images with custom colour masks are not read":                              header(5, 5, 32, 3, 40),
		"BMP images with an OS/2 header are not read":                                   header(5, 5, 24, 0, 12),
	} {
		expect.Memory(t, 0, func() {
			if _, err := decode(content, nil, MaxPixels); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}
