package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"dtl-tf/graph/limit"
)

// The layout of the cache, as huggingface_hub documents it ("Understand caching"):
//
//	models--OWNER--NAME/blobs/ETAG                 the content of a file, under its checksum
//	models--OWNER--NAME/refs/REVISION              the commit of a branch or tag
//	models--OWNER--NAME/snapshots/COMMIT/FILE      a relative link to the blob
//	models--OWNER--NAME/.no_exist/COMMIT/FILE      an empty file: the model has no such file
//	.locks/models--OWNER--NAME/ETAG.lock           locked while the blob is downloaded
const (
	blobsFolder     = "blobs"
	refsFolder      = "refs"
	snapshotsFolder = "snapshots"
	absentFolder    = ".no_exist"
	locksFolder     = ".locks"
	modelMark       = "models"
	partMark        = "--"
	partialEnd      = ".incomplete"
)

// store is the folder of a model in the cache.
type store struct{ cache, name string }

func (h *Hub) store(repo string) store {
	return store{h.Cache, modelMark + partMark + strings.ReplaceAll(repo, "/", partMark)}
}

func (s store) path(parts ...string) string {
	return filepath.Join(append([]string{s.cache, s.name}, parts...)...)
}

func (s store) blob(etag string) string       { return s.path(blobsFolder, etag) }
func (s store) partial(etag string) string    { return s.blob(etag) + partialEnd }
func (s store) snapshot(commit string) string { return s.path(snapshotsFolder, commit) }
func (s store) lock(etag string) string {
	return filepath.Join(s.cache, locksFolder, s.name, etag+".lock")
}

// file is the path of a file in a snapshot. The name has slashes.
func (s store) file(commit, name string) string {
	return filepath.Join(s.snapshot(commit), filepath.FromSlash(name))
}

// sizeOf is the size of a regular file, or of the one that a link leads to. ok is false if there is none.
func sizeOf(path string) (size int64, ok bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	return info.Size(), true
}

// commit is the commit of a revision in the cache, "" if it is not there.
func (s store) commit(revision string) string {
	if commitHash.MatchString(revision) {
		return revision
	}
	raw, err := limit.ReadFile(s.path(refsFolder, filepath.FromSlash(revision)), 1<<10)
	if commit := strings.TrimSpace(string(raw)); err == nil && commitHash.MatchString(commit) {
		return commit
	}
	return ""
}

// files lists the files of a snapshot, with slashes in their names.
func (s store) files(commit string) (names []string) {
	root := s.snapshot(commit)
	_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		if _, ok := sizeOf(path); !ok { // a link to a blob that was removed
			return nil
		}
		if name, err := filepath.Rel(root, path); err == nil {
			names = append(names, filepath.ToSlash(name))
		}
		return nil
	})
	return names
}

// link makes a file of a snapshot a link to a blob.
func (s store) link(commit string, f remote) error {
	path := s.file(commit, f.name)
	target, err := filepath.Rel(filepath.Dir(path), s.blob(f.etag))
	if err != nil {
		return err
	}
	if now, err := os.Readlink(path); err == nil && now == target {
		return nil
	}
	return replace(path, func(temp string) error {
		err := os.Symlink(target, temp)
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM) { // as on FAT
			err = fmt.Errorf("%w (the cache needs a file system with symbolic links: name another folder with HF_HUB_CACHE)", err)
		}
		return err
	})
}

// setRef notes the commit of a branch or tag. A cache that has it already is not written to, because it may be read-only.
func (s store) setRef(revision, commit string) error {
	if s.commit(revision) == commit {
		return nil
	}
	return replace(s.path(refsFolder, filepath.FromSlash(revision)), func(temp string) error {
		return os.WriteFile(temp, []byte(commit), 0o666)
	})
}

// markAbsent notes that a model has no file of a name.
func (s store) markAbsent(commit, name string) error {
	if s.knowsAbsent(commit, name) {
		return nil
	}
	return replace(s.path(absentFolder, commit, filepath.FromSlash(name)), func(temp string) error {
		return os.WriteFile(temp, nil, 0o666)
	})
}

func (s store) knowsAbsent(commit, name string) bool {
	_, ok := sizeOf(s.path(absentFolder, commit, filepath.FromSlash(name)))
	return ok
}

// replace makes a file or link under a temporary name, which then replaces the one at path.
func replace(path string, write func(temp string) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return cacheError(err)
	}
	temp := fmt.Sprintf("%s.%08x.tmp", path, rand.Uint32())
	err := write(temp)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return cacheError(err)
	}
	return nil
}

// cacheError says what to do about an error of writing to the cache.
func cacheError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("the cache: %w (free some space, or name another folder with HF_HUB_CACHE)", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("the cache: %w (it is not writable: change its permissions, or name another folder with HF_HUB_CACHE)", err)
	}
	return fmt.Errorf("the cache: %w", err)
}

// Origin returns the repository and the commit of a file or folder in a cache. ok is false for any other path.
func Origin(path string) (repo, commit string, ok bool) {
	parts := strings.Split(filepath.ToSlash(filepath.Clean(path)), "/")
	for i := len(parts) - 1; i >= 2; i-- {
		name, model := strings.CutPrefix(parts[i-2], modelMark+partMark)
		if model && parts[i-1] == snapshotsFolder && commitHash.MatchString(parts[i]) {
			return strings.Replace(name, partMark, "/", 1), parts[i], true
		}
	}
	return "", "", false
}
