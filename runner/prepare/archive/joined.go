package archive

import (
	"errors"
	"io"
	"os"
)

// joined reads files as if they were one.
type joined struct {
	files []*os.File
	ends  []int64 // where the content of each file ends
	size  int64
}

func openJoined(paths []string) (*joined, error) {
	j := &joined{}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			j.Close()
			return nil, err
		}
		j.files = append(j.files, f)
		info, err := f.Stat()
		if err != nil {
			j.Close()
			return nil, err
		}
		j.size += info.Size()
		j.ends = append(j.ends, j.size)
	}
	return j, nil
}

// ReadAt implements io.ReaderAt.
func (j *joined) ReadAt(p []byte, at int64) (n int, err error) {
	begin := int64(0)
	for i, f := range j.files {
		if at < j.ends[i] && n < len(p) {
			want := min(int64(len(p)-n), j.ends[i]-at)
			got, err := f.ReadAt(p[n:n+int(want)], at-begin)
			n += got
			at += int64(got)
			if int64(got) < want {
				return n, err
			}
		}
		begin = j.ends[i]
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close implements io.Closer.
func (j *joined) Close() error {
	var errs []error
	for _, f := range j.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
