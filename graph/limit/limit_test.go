package limit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
)

func TestReadFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "run.json")
	if _, err := ReadFile(path, 10); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("missing: %v", err)
	}
	if err := os.WriteFile(path, []byte("0123456789"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, read := range []func(int64) ([]byte, error){
		func(maxBytes int64) ([]byte, error) { return ReadFile(path, maxBytes) },
		func(maxBytes int64) ([]byte, error) { return ReadFS(os.DirFS(folder), "run.json", maxBytes) },
	} {
		if raw, err := read(10); err != nil || string(raw) != "0123456789" {
			t.Errorf("%q, %v", raw, err)
		}
		if _, err := read(9); err == nil || !strings.Contains(err.Error(), "10 bytes are more than the limit of 9") {
			t.Errorf("too large: %v", err)
		}
	}
	if _, err := ReadFile(folder, 10); err == nil || !strings.Contains(err.Error(), folder+": is a folder") {
		t.Errorf("folder: %v", err)
	}
	if _, err := ReadFile(os.DevNull, 10); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("device: %v", err)
	}
	// Files in /proc report a size of 0 but have content.
	if raw, err := ReadFile("/proc/self/stat", 1<<20); err == nil && !strings.HasPrefix(string(raw), fmt.Sprint(os.Getpid(), " (")) {
		t.Errorf("/proc/self/stat: %q", raw)
	}
	if _, err := ReadFile("/proc/self/stat", 5); !errors.Is(err, fs.ErrNotExist) && (err == nil || !strings.Contains(err.Error(), "more bytes than the limit of 5")) {
		t.Errorf("/proc/self/stat of at most 5 bytes: %v", err)
	}
	pipe, link := filepath.Join(folder, "pipe"), filepath.Join(folder, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o666), os.Symlink(pipe, link)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pipe, link} {
		if _, err := ReadFile(name, 10); err == nil || !strings.Contains(err.Error(), name+": is not a regular file") {
			t.Errorf("pipe: %v", err)
		}
		if _, err := ReadFS(os.DirFS(folder), filepath.Base(name), 10); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("pipe: %v", err)
		}
	}
	need.NoError(t, os.Truncate(path, 1<<40)) // not every file system has sparse files
	expect.Memory(t, 0, func() {
		if _, err := ReadFile(path, Text); err == nil || !strings.Contains(err.Error(), "1099511627776 bytes") {
			t.Errorf("a terabyte: %v", err)
		}
	})
}

// growing is a file with more bytes than its size.
type growing struct{ fs.File }

func (g growing) Stat() (fs.FileInfo, error) {
	info, err := g.File.Stat()
	return small{info}, err
}

type small struct{ fs.FileInfo }

func (small) Size() int64 { return 1 }

// TestGrowing checks that the limit applies to the bytes read, not to the reported size.
func TestGrowing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, make([]byte, 10<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	for maxBytes, want := range map[int64]bool{10 << 20: true, 10<<20 - 1: false, 100: false} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := readAll(path, growing{f}, maxBytes)
		f.Close()
		if (err == nil) != want || want && len(raw) != 10<<20 {
			t.Errorf("limit %d: %d bytes, %v", maxBytes, len(raw), err)
		}
	}
}
