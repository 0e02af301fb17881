package archive

import (
	"archive/tar"
	"bytes"
)

// tarBlock is the size of a header in a tar.
const tarBlock = 512

// isTar reports whether a file begins with the header of a tar. The oldest form has no mark; its checksum tells it.
func isTar(head []byte) bool {
	if len(head) < tarBlock {
		return false
	}
	if string(head[257:262]) == "ustar" {
		return true
	}
	h, err := tar.NewReader(bytes.NewReader(head)).Next()
	return err == nil && h.Name != ""
}
