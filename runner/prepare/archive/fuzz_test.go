package archive

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// FuzzWalk checks that no entry's name leaves the archive, and that an archive's size bounds the memory.
func FuzzWalk(f *testing.F) {
	seed, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range seed {
		if raw, err := os.ReadFile(name); err == nil && len(raw) < 10_000 {
			f.Add(raw)
		}
	}
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(append(gzipOf(f, make([]byte, 1024)), make([]byte, 600)...)) // an empty tar, and zeros
	path := filepath.Join(f.TempDir(), "x")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(path, raw, 0o666); err != nil {
			t.Fatal(err)
		}
		expect.Memory(t, 4096*len(raw), func() {
			a, err := Open(path)
			if err != nil {
				return
			}
			if c, ok := any(a).(io.Closer); ok {
				defer c.Close()
			}
			_ = a.Walk(context.Background(), func(e Entry, r io.Reader) error {
				if !fs.ValidPath(e.Name) {
					t.Errorf("name %q", e.Name)
				}
				n, err := io.Copy(io.Discard, io.LimitReader(r, 1<<22))
				if n == 1<<22 {
					return errors.New("long enough")
				}
				return err
			})
		})
	})
}
