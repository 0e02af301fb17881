package limit

import (
	"context"
	"io"
)

// chunk is how many bytes Copy copies between two checks of its context.
const chunk = 4 << 20

// Copy copies a regular file into w, usually a hash, and returns how many bytes it copied. When ctx ends it stops and
// returns ctx's error. Other errors name the file.
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

// Reader reads from r until ctx ends, and fails with ctx's error from then on.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
