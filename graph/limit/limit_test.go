package limit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/alloctest"
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
		func(most int64) ([]byte, error) { return ReadFile(path, most) },
		func(most int64) ([]byte, error) { return ReadFS(os.DirFS(folder), "run.json", most) },
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
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Skip("no sparse files here")
	}
	alloctest.Limit(t, 0, func() {
		if _, err := ReadFile(path, Text); err == nil || !strings.Contains(err.Error(), "1099511627776 bytes") {
			t.Errorf("a terabyte: %v", err)
		}
	})
}
