package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"dtl-tf/runner/flock"
)

// stage is the folder beside the target that a data set is made in. It takes the target's name when it is complete, so
// that nobody ever sees half a data set. It is locked: of two preparations of one target the second is refused, and
// what a killed one left is cleared.
type stage struct {
	target string
	folder string // .NAME.preparing
	lock   *os.File
}

func openStage(c Config) (*stage, error) {
	target := filepath.Clean(c.Out)
	if err := checkTarget(c, target); err != nil {
		return nil, err
	}
	parent, name := filepath.Split(target)
	if name == ".." || name == "." || name == "" {
		return nil, usagef("--out %s: want the folder to make, such as %s", c.Out, filepath.Join(c.Out, "NAME"))
	}
	s := &stage{target: target, folder: filepath.Join(parent, "."+name+".preparing")}
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	for {
		if err := os.Mkdir(s.folder, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("--out: %w", err)
		}
		lock, err := os.Open(s.folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another one has just finished
		}
		if err != nil {
			return nil, fmt.Errorf("--out: %w", err)
		}
		err = flock.Try(lock, syscall.LOCK_EX)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			lock.Close()
			return nil, fmt.Errorf("%s is being prepared by another process, in %s: wait for it or choose another --out", target, s.folder)
		}
		// Some network file systems have no locks; any other trouble shows when writing.
		if !flock.Same(lock, s.folder) {
			lock.Close()
			continue
		}
		s.lock = lock
		break
	}
	if err := s.clear(); err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

// checkTarget: what is there is only ever replaced where a prepare made it.
func checkTarget(c Config, target string) error {
	info, err := os.Lstat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return apart(c.From, target)
	}
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("--out %s: a part of this path is a file, not a folder", target)
	case err != nil:
		return fmt.Errorf("--out: %w", err)
	case !info.IsDir():
		return fmt.Errorf("--out %s exists and is not a folder: choose another", target)
	}
	if entries, err := os.ReadDir(target); err == nil && len(entries) == 0 {
		return apart(c.From, target)
	}
	if !c.Overwrite {
		return fmt.Errorf("--out %s exists already: add --overwrite to replace it, or choose another", target)
	}
	if _, err := ReadRecord(target); err != nil {
		return fmt.Errorf("--out %s: --overwrite replaces only what 'data prepare' made: %w", target, err)
	}
	return apart(c.From, target)
}

// apart makes sure that the source is not in the target, where it would be removed, nor the target in the source, which
// would then contain itself.
func apart(from, target string) error {
	source, target := resolve(from), resolve(target)
	inside := func(a, b string) bool {
		rel, err := filepath.Rel(b, a)
		return err == nil && (rel == "." || filepath.IsLocal(rel))
	}
	if inside(source, target) || inside(target, source) {
		return usagef("--from %s and --out %s lie in one another: choose an --out elsewhere", from, target)
	}
	return nil
}

// resolve follows links as far as the path exists.
func resolve(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	if parent := filepath.Dir(abs); parent != abs {
		return filepath.Join(resolve(parent), filepath.Base(abs))
	}
	return abs
}

func (s *stage) clear() error {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(s.folder, e.Name())); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
	}
	return nil
}

// publish gives the data set its name. An interruption before has no effect, one after comes too late.
func (s *stage) publish(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	old := strings.TrimSuffix(s.folder, ".preparing") + ".replaced"
	if err := os.RemoveAll(old); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	err := os.Rename(s.target, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--out: %w", err)
	}
	replaced := err == nil
	if err := os.Rename(s.folder, s.target); err != nil {
		if replaced {
			_ = os.Rename(old, s.target)
		}
		return fmt.Errorf("--out: %w", err)
	}
	s.lock.Close()
	s.lock = nil
	if replaced {
		if err := os.RemoveAll(old); err != nil {
			return fmt.Errorf("the data set is complete, but what it replaces could not be removed: %w", err)
		}
	}
	return nil
}

// discard removes a stage that was not published.
func (s *stage) discard() {
	if s.lock == nil {
		return
	}
	_ = os.RemoveAll(s.folder)
	s.lock.Close()
	s.lock = nil
}
