// Package limit reads small files that come from strangers whole: a file that claims terabytes, as a sparse one can, is
// refused before memory is taken for it.
package limit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Text is the most bytes of a file of settings or results, far above any that a program writes.
const Text = 64 << 20

// ReadFile is os.ReadFile for a regular file of at most the given number of bytes. The error names the file.
func ReadFile(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path) // before opening, because opening a pipe would wait for its writer
	if err != nil {
		return nil, err
	}
	if err := check(info, most); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return os.ReadFile(path)
}

// ReadFS is ReadFile in a file system.
func ReadFS(dir fs.FS, name string, most int64) ([]byte, error) {
	info, err := fs.Stat(dir, name)
	if err != nil {
		return nil, err
	}
	if err := check(info, most); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return fs.ReadFile(dir, name)
}

func check(info fs.FileInfo, most int64) error {
	switch {
	case info.IsDir():
		return errors.New("is a folder, not a file")
	case !info.Mode().IsRegular():
		return errors.New("is not a regular file")
	case info.Size() > most:
		return fmt.Errorf("%d bytes are more than the limit of %d for a file of this kind", info.Size(), most)
	}
	return nil
}
