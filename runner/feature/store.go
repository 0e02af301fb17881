package feature

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sync/errgroup"

	"dtl-tf/graph/limit"
)

// Options configure a Store.
type Options struct {
	Dir      string // the folder of caches
	Key      Key    // Open fills in Images
	Versions Versions
	About    About
	Values   []Value // of each image, in the order of a batch's values
	Note     func(format string, args ...any)
	Wait     time.Duration // maximum wait for another run that writes the same cache; 0 is defaultWait
}

// defaultWait is longer than most first passes take.
const defaultWait = 15 * time.Minute

// Store is an open cache. It is for one goroutine, but any other may close it.
type Store struct {
	closing sync.Mutex
	options Options
	images  Images
	folder  string
	use     *os.File // the lock against removal, nil once closed
	index   index    // of the verified files
	raw     []byte   // index.json as it was read, nil if there was none
	files   map[string]*mapped
	disk    func(folder string) (disk, error)
}

// Open opens the cache of a key. It may lack some or all values: see Missing. Damaged files count as missing, and so do all files
// if the index has another key or version; Note reports the reason.
func Open(ctx context.Context, o Options, images Images) (*Store, error) {
	if images.Len() == 0 {
		return nil, errors.New("feature: there are no images to store values of")
	}
	if len(o.Values) == 0 {
		return nil, errors.New("feature: there are no values to store")
	}
	for _, v := range o.Values {
		if err := v.check(); err != nil {
			return nil, err
		}
	}
	o.Wait = cmp.Or(o.Wait, defaultWait)
	o.Key.Images = images.Fingerprint()
	s := &Store{options: o, images: images, folder: filepath.Join(o.Dir, o.Key.folder()), files: map[string]*mapped{}, disk: diskOf}
	if err := s.enter(); err != nil {
		return nil, explain(o.Dir, err)
	}
	if err := s.read(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// enter creates the folder if necessary and takes the lock against its removal.
func (s *Store) enter() (err error) {
	for range 100 { // another process may remove the folder in between, but not every time
		if err := os.MkdirAll(s.folder, 0o777); err != nil {
			return err
		}
		if s.use, err = acquire(filepath.Join(s.folder, useLock), syscall.LOCK_SH); !notExist(err) {
			return err
		}
	}
	return err
}

// explain adds what a user can do about an unusable folder.
func explain(dir string, err error) error {
	if info, e := os.Stat(dir); e == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file: the feature cache needs a folder", dir)
	}
	switch {
	case errors.Is(err, errHeld):
		return fmt.Errorf("%s: it is being cleared", dir)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s: a part of this path is a file, not a folder: %w", dir, err)
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s is not writable: change its permissions or choose another --feature-cache folder: %w", dir, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%s: the disk is full: free some space or choose another --feature-cache folder: %w", dir, err)
	}
	return fmt.Errorf("%s: %w", dir, err)
}

// read reads the index and opens the files that match it.
func (s *Store) read(ctx context.Context) error {
	s.unmap()
	o := s.options
	s.index = index{Kind: kind, Format: Format, Versions: o.Versions, About: o.About, Key: o.Key, Images: s.images.hexSums(), Files: map[string]file{}}
	s.raw, _ = readRaw(s.folder)
	x, err := readIndex(s.folder)
	reason := ""
	switch {
	case notExist(err):
		return nil
	case err != nil:
		reason = err.Error()
	default:
		reason = x.mismatch(o.Key, o.Versions, s.images)
	}
	if reason != "" {
		o.Note("feature cache: %s is not used: %s", s.folder, reason)
		return nil
	}
	s.index = x
	return s.openFiles(ctx)
}

// openFiles verifies the files of the wanted values in parallel and maps the good ones.
func (s *Store) openFiles(ctx context.Context) error {
	values := slices.DeleteFunc(slices.Clone(s.options.Values), func(v Value) bool {
		_, listed := s.index.Files[v.Name]
		return !listed
	})
	reasons := make([]string, len(values))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, v := range values {
		group.Go(func() error {
			reasons[i] = s.verify(ctx, v)
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("interrupted while the feature cache was checked: %w", err)
	}
	for i, v := range values {
		if reasons[i] != "" {
			s.options.Note("feature cache: %s is not used: %s", filepath.Join(s.folder, s.index.Files[v.Name].Name), reasons[i])
			delete(s.index.Files, v.Name)
			continue
		}
		if err := s.open(v); err != nil {
			return err
		}
	}
	_ = os.Chtimes(filepath.Join(s.folder, indexFile), time.Time{}, time.Now()) // the last use, for List
	return nil
}

// rowBytes is the size of a row of a value's file.
func (s *Store) rowBytes(v Value) int64 { return int64(v.elements() * s.options.Key.Stored.Bytes()) }

// bytes is the size of a value's file.
func (s *Store) bytes(v Value) int64 { return s.rowBytes(v) * int64(s.images.Len()) }

// verify says what is wrong with the file of a value, "" if it matches the index. The xxHash64 detects accidents, not malice, at
// the speed of memory.
func (s *Store) verify(ctx context.Context, v Value) string {
	f, name := s.index.Files[v.Name], fileName(v, s.options.Key.Stored)
	if f.Name != name || !slices.Equal(f.Shape, v.Shape) || f.Bytes != s.bytes(v) {
		return fmt.Sprintf("it is %s of shape %v and %d bytes, want %s of shape %v and %d bytes", f.Name, f.Shape, f.Bytes, name, v.Shape, s.bytes(v))
	}
	path := filepath.Join(s.folder, name)
	if info, err := os.Stat(path); err == nil && info.Size() != f.Bytes {
		return fmt.Sprintf("it has %d bytes, and %d were written", info.Size(), f.Bytes)
	}
	digest := xxhash.New()
	if _, err := limit.Copy(ctx, digest, path); err != nil {
		return err.Error()
	}
	if hexSum(digest) != f.Sum {
		return "its checksum is wrong"
	}
	return ""
}

func hexSum(d *xxhash.Digest) string { return hex.EncodeToString(d.Sum(nil)) }

// open maps the file of a value.
func (s *Store) open(v Value) error {
	m, err := mapFile(filepath.Join(s.folder, fileName(v, s.options.Key.Stored)), s.images.Len(), s.rowBytes(v))
	if err != nil {
		return err
	}
	s.files[v.Name] = m
	return nil
}

// Missing lists the values that must be computed before Loader.
func (s *Store) Missing() []Value {
	return slices.DeleteFunc(slices.Clone(s.options.Values), func(v Value) bool { return s.files[v.Name] != nil })
}

// Dir is the folder of all caches.
func (s *Store) Dir() string { return s.options.Dir }

// Folder is the folder of the cache.
func (s *Store) Folder() string { return s.folder }

// Unreadable lists the rows of images that could not be decoded.
func (s *Store) Unreadable() []int { return s.index.Unreadable }

// Bytes is the size of all wanted values.
func (s *Store) Bytes() int64 {
	total := int64(0)
	for _, v := range s.options.Values {
		total += s.bytes(v)
	}
	return total
}

func (s *Store) unmap() {
	for name, m := range s.files {
		m.close()
		delete(s.files, name)
	}
}

// Close releases the cache, and removes its folder if nothing was written. A running loop over a Loader's epoch keeps its values
// until it ends; later loops fail. Closing again does nothing.
func (s *Store) Close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	s.unmap()
	if s.use == nil {
		return nil
	}
	err := s.use.Close()
	s.use = nil
	if _, e := os.Stat(filepath.Join(s.folder, indexFile)); notExist(e) {
		_, _ = remove(s.folder) // fails if another run uses it
	}
	return err
}
