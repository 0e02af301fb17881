package limit

import (
	"context"
	"io"
)

// chunk is the most bytes between two looks at whether to go on.
const chunk = 4 << 20

// Copy feeds a regular file into w, the digest of a checksum mostly, and tells how many bytes it has. When ctx ends, so does it, with
// its error. Other errors name the file.
func Copy(ctx context.Context, w io.Writer, path string) (int64, error) {
	f, err := Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for size := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return size, err
		}
		n, err := io.CopyN(w, f, chunk)
		size += n
		switch {
		case err == io.EOF:
			return size, nil
		case err != nil:
			return size, err
		}
	}
}
