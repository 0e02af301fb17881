package result

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"

	"dtl-tf/runner/fault"
)

// tempMark is part of the name of every temporary file: ".NAME.tmp-NUMBER".
const tempMark = ".tmp-"

// WriteFile atomically replaces the content of the file at path by what write produces. It writes a temporary file in the same
// folder, flushes it to the disk and renames it. The error names the file and says what to do about a full disk or missing
// permission.
func WriteFile(path string, write func(w io.Writer) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s was not written, its old state is kept: %w%s", path, err, advice(err))
		}
	}()
	temp, err := createTemp(path)
	if err != nil {
		return Bare(err)
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
		}
	}()
	base := filepath.Base(path)
	fault.Point("made the temporary file of " + base)
	buf := bufio.NewWriterSize(temp, 1<<20)
	if err := write(buf); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return Bare(err)
	}
	fault.Point("wrote the temporary file of " + base)
	// Without Sync a crash soon after the rename could leave an empty file.
	if err := errors.Join(temp.Sync(), temp.Close()); err != nil {
		return Bare(err)
	}
	fault.Point("closed the temporary file of " + base)
	if err := os.Rename(temp.Name(), path); err != nil {
		return Bare(err)
	}
	fault.Point("renamed the temporary file of " + base)
	syncFolder(filepath.Dir(path))
	return nil
}

// WriteJSON encodes v as indented JSON and writes it as WriteFile does.
func WriteJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// maxTries limits the random names that createTemp tries.
const maxTries = 100

// createTemp works as os.CreateTemp, but gives the file the permissions that the user's umask allows.
func createTemp(path string) (*os.File, error) {
	dir, base := filepath.Split(path)
	for try := 0; ; try++ {
		name := fmt.Sprintf("%s.%s%s%d", dir, base, tempMark, rand.Uint32())
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		if errors.Is(err, fs.ErrExist) && try < maxTries {
			continue
		}
		return f, err
	}
}

// syncFolder makes a rename durable. It ignores errors: not every file system can do it, and the data is safe under one of the
// two names.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

// Bare drops the path from an error, for messages that name it or where it is a temporary file's.
func Bare(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}

// advice says what to do about errors that a user can fix.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return " (the disk is full: free some space or choose another folder)"
	case errors.Is(err, syscall.EDQUOT):
		return " (your disk quota is used up: free some space or choose another folder)"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return " (the folder is not writable: change its permissions or choose another folder)"
	case errors.Is(err, fs.ErrNotExist):
		return " (the folder does not exist)"
	}
	return ""
}
