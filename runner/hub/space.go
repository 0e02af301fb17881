package hub

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"dtl-tf/runner/report"
)

// disk is where blobs are written. Tests have one that is full.
type disk interface {
	// Free is the number of bytes that a user may still write to the file system of a folder.
	Free(folder string) (int64, error)
	// Append opens a file for writing at offset. What is behind it is removed.
	Append(path string, offset int64) (output, error)
}

// output is an open file.
type output interface {
	Write(p []byte) (int, error)
	Sync() error
	Close() error
}

type systemDisk struct{}

func (systemDisk) Free(folder string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, err
	}
	unit := int64(s.Bsize)
	if unit <= 0 || s.Bavail > uint64(math.MaxInt64/unit) { // a network file system without a limit
		return math.MaxInt64, nil
	}
	return int64(s.Bavail) * unit, nil
}

func (systemDisk) Append(path string, offset int64) (output, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW, 0o666) // others may write to the cache, too
	if err != nil {
		return nil, err
	}
	if err = f.Truncate(offset); err == nil {
		_, err = f.Seek(offset, 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// checkSpace fails if the cache's disk has less than the needed number of bytes.
func (h *Hub) checkSpace(needed int64) error {
	folder := h.Cache
	for {
		if _, err := os.Stat(folder); err == nil || folder == filepath.Dir(folder) {
			break
		}
		folder = filepath.Dir(folder) // it will be made
	}
	free, err := h.disk.Free(folder)
	if err != nil {
		return nil //nolint:nilerr // the file system does not tell; writing will
	}
	if needed > free {
		return fmt.Errorf("%s are needed in %s, which has %s free: free some space, or name another folder with HF_HUB_CACHE", report.Bytes(needed), h.Cache, report.Bytes(free))
	}
	return nil
}
