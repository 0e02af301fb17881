package result

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
)

func writeString(t *testing.T, path, s string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(s), 0o644); err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q (%v), want %q", filepath.Base(path), got, err, want)
	}
}

// onlyFile checks that the folder holds nothing else, such as a temporary file.
func onlyFile(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %q, want %q", names, want)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	for _, want := range []string{"first", "second", strings.Repeat("long", 1<<20)} {
		if err := WriteFile(path, func(w io.Writer) error { _, err := io.WriteString(w, want); return err }); err != nil {
			t.Fatal(err)
		}
		wantContent(t, path, want)
	}
	onlyFile(t, dir, "a.txt")

	// The permissions are those of any new file, not the private ones of os.CreateTemp.
	f, err := os.OpenFile(filepath.Join(dir, "new"), os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	got, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode() != want.Mode() {
		t.Errorf("mode %v, want %v", got.Mode(), want.Mode())
	}
}

// TestWriteFileFullDisk gets a real ENOSPC from /dev/full in the middle of a write.
func TestWriteFileFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	need.NoError(t, err)
	defer full.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "run.json")
	writeString(t, path, "old")
	err = WriteFile(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half of the new")
		_, err := io.WriteString(full, "x")
		return err
	})
	expect.Error(t, err, path, "disk is full", "old state is kept")
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v does not wrap ENOSPC", err)
	}
	wantContent(t, path, "old")
	onlyFile(t, dir, "run.json")
}

func TestWriteFileErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	writeString(t, path, "old")
	broken := errors.New("broken")
	err := WriteFile(path, func(w io.Writer) error { _, _ = io.WriteString(w, "new"); return broken })
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	wantContent(t, path, "old")

	// Errors of the system become advice.
	for number, words := range map[syscall.Errno]string{
		syscall.ENOSPC: "the disk is full: free some space", syscall.EDQUOT: "your disk quota is used up: free some space",
		syscall.EROFS: "the folder is not writable: change its permissions", syscall.EACCES: "the folder is not writable: change its permissions",
	} {
		err := WriteFile(path, func(io.Writer) error { return number })
		expect.Error(t, err, path, "old state is kept", number.Error(), words, "choose another folder")
	}

	missing := filepath.Join(dir, "none", "a.txt")
	expect.Error(t, WriteFile(missing, func(io.Writer) error { return nil }), missing, "folder does not exist")
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	expect.Error(t, WriteFile(folder, func(io.Writer) error { return nil }), folder)
	onlyFile(t, dir, "a.txt", "folder")
}
