package feature

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Entry is a cache as the list shows it.
type Entry struct {
	Name    string    // of its folder
	Key     Key       // zero where Problem says something
	About   About     // the same
	Values  []string  // names, without order
	Images  int       // rows
	Bytes   int64     // of all its files
	Used    time.Time // last opened or written
	Problem string    // why this program would not use it, "" if it might
}

// List describes the caches in a folder, by name. A folder that is not there has none.
func List(dir string) ([]Entry, error) {
	entries, err := os.ReadDir(dir)
	if notThere(err) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(dir, err)
	}
	var list []Entry
	for _, e := range entries {
		folder := filepath.Join(dir, e.Name())
		if _, err := ours(folder); err != nil {
			continue
		}
		list = append(list, describe(folder))
	}
	return list, nil
}

func describe(folder string) Entry {
	e := Entry{Name: filepath.Base(folder)}
	names, _ := ours(folder)
	for _, name := range names {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil {
			continue
		}
		e.Bytes += info.Size()
		if name == indexFile {
			e.Used = info.ModTime()
		}
	}
	x, err := readIndex(folder)
	switch {
	case notThere(err):
		e.Problem = "it was never completed"
		return e
	case err != nil:
		e.Problem = err.Error()
		return e
	}
	e.Key, e.About, e.Images = x.Key, x.About, len(x.Images)
	for name := range x.Files {
		e.Values = append(e.Values, name)
	}
	return e
}

// Clear removes caches from a folder by name, all of them if no name is given. It goes on after a failure, and touches nothing
// that is not a file of a cache. It returns the removed ones and how many bytes that made free.
func Clear(dir string, names ...string) (removed []string, bytes int64, err error) {
	if len(names) == 0 {
		list, err := List(dir)
		if err != nil {
			return nil, 0, err
		}
		for _, e := range list {
			names = append(names, e.Name)
		}
	}
	var errs []error
	for _, name := range names {
		n, err := remove(filepath.Join(dir, name))
		if err != nil {
			errs = append(errs, fmt.Errorf("feature cache %s: %w", name, err))
			continue
		}
		removed, bytes = append(removed, name), bytes+n
	}
	return removed, bytes, errors.Join(errs...)
}

// ours lists the files of a cache folder. It is an error if the folder is no cache: its name is not that of one, or something is in
// it that no cache has.
func ours(folder string) ([]string, error) {
	if !isFolder(filepath.Base(folder)) {
		return nil, errors.New("this is not the name of a feature cache (see 'dtl-tf cache list')")
	}
	entries, err := os.ReadDir(folder)
	if notThere(err) {
		return nil, errors.New("there is none of this name (see 'dtl-tf cache list')")
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.Type().IsRegular() || !isOurs(e.Name()) {
			return nil, fmt.Errorf("%s is not of a feature cache: the folder is left alone", filepath.Join(folder, e.Name()))
		}
		names = append(names, e.Name())
	}
	if _, err := readIndex(folder); errors.Is(err, errForeign) {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("the folder is empty, and may be somebody else's")
	}
	return names, nil
}

// isOurs tells whether a cache makes files of this name, result.WriteFile's temporary ones included.
func isOurs(name string) bool {
	switch {
	case name == indexFile, name == useLock, name == writeLock, strings.HasPrefix(name, "."+indexFile+tempMark):
		return true
	}
	return isValueFile(strings.TrimPrefix(name, tempMark))
}

func isValueFile(name string) bool {
	value, element, _ := strings.Cut(name, ".")
	return (element == FP32 || element == BF16) && Value{Name: value}.check() == nil
}

// remove deletes a cache that nobody uses, and returns its size.
func remove(folder string) (int64, error) {
	names, err := ours(folder)
	if err != nil {
		return 0, err
	}
	lock, err := acquire(filepath.Join(folder, useLock), syscall.LOCK_EX)
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	// The index goes first: whatever happens, no index speaks of files that are gone. The lock goes last.
	bytes := int64(0)
	for _, name := range append([]string{indexFile}, names...) {
		path := filepath.Join(folder, name)
		info, err := os.Stat(path)
		if err != nil || name == useLock {
			continue
		}
		if err := os.Remove(path); err != nil {
			return bytes, err
		}
		bytes += info.Size()
	}
	if err := os.Remove(lock.Name()); err != nil {
		return bytes, err
	}
	return bytes, os.Remove(folder)
}
