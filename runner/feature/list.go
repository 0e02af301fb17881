package feature

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// UserFolder is the default folder of caches: dtl-tf/features in the user's cache folder.
func UserFolder() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME") // respected on every system
	if !filepath.IsAbs(base) {
		var err error
		if base, err = os.UserCacheDir(); err != nil {
			return "", fmt.Errorf("there is no folder for caches: %w (name one)", err)
		}
	}
	return filepath.Join(base, "dtl-tf", "features"), nil
}

// Entry describes a cache in the list.
type Entry struct {
	Name    string    // of its folder
	Key     Key       // zero if there is a Problem
	About   About     // zero if there is a Problem
	Values  []string  // names, unordered
	Images  int       // rows
	Bytes   int64     // of all files
	Used    time.Time // last opened or written
	Problem string    // why this program would not use it, "" if it might
}

// List describes the caches in a folder, by name. A missing folder has none.
func List(dir string) ([]Entry, error) {
	entries, err := os.ReadDir(dir)
	if notExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(dir, err)
	}
	var list []Entry
	for _, e := range entries {
		folder := filepath.Join(dir, e.Name())
		if names, err := cacheFiles(folder); err == nil {
			list = append(list, describe(folder, names))
		}
	}
	return list, nil
}

func describe(folder string, names []string) Entry {
	e := Entry{Name: filepath.Base(folder)}
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
	case notExist(err):
		e.Problem = "it was never completed"
	case err != nil:
		e.Problem = err.Error()
	default:
		e.Key, e.About, e.Images, e.Values = x.Key, x.About, len(x.Images), slices.Collect(maps.Keys(x.Files))
	}
	return e
}

// Clear removes caches from a folder by name, or all of them if no name is given. It continues after a failure and removes only
// files of caches. It returns the removed caches and the number of freed bytes.
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

// cacheFiles lists the files of a cache folder. It fails if the folder is not a cache by its name, or holds a file that no cache
// has.
func cacheFiles(folder string) ([]string, error) {
	if !isFolder(filepath.Base(folder)) {
		return nil, errors.New("this is not the name of a feature cache (see 'dtl-tf cache list')")
	}
	entries, err := os.ReadDir(folder)
	if notExist(err) {
		return nil, errors.New("it does not exist (see 'dtl-tf cache list')")
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.Type().IsRegular() || !isCacheFile(e.Name()) {
			return nil, fmt.Errorf("%s does not belong to a feature cache: the folder is left alone", filepath.Join(folder, e.Name()))
		}
		names = append(names, e.Name())
	}
	if _, err := readIndex(folder); errors.Is(err, errForeign) {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("the folder is empty and may belong to another program")
	}
	return names, nil
}

// isCacheFile reports whether a cache may have a file of this name.
func isCacheFile(name string) bool {
	return name == indexFile || name == useLock || name == writeLock || isTemp(name) || isValueFile(name)
}

// isTemp reports whether a name is that of an incomplete file: of a value, or of the index as result.WriteFile writes it.
func isTemp(name string) bool {
	value, isValue := strings.CutPrefix(name, tempMark)
	return isValue && isValueFile(value) || strings.HasPrefix(name, "."+indexFile+tempMark)
}

func isValueFile(name string) bool {
	value, element, _ := strings.Cut(name, ".")
	return slices.Contains(Elements(), element) && Value{Name: value}.check() == nil
}

// remove deletes an unused cache and returns its size.
func remove(folder string) (int64, error) {
	names, err := cacheFiles(folder)
	if err != nil {
		return 0, err
	}
	lock, err := acquire(filepath.Join(folder, useLock), syscall.LOCK_EX)
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	// The index is removed first, so that no index ever lists missing files, and the lock last.
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
