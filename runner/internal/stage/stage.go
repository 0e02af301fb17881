// Package stage writes folders atomically: whenever the process ends, the target is the old folder or the new one, and complete.
package stage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"dtl-tf/runner/fault"
	"dtl-tf/runner/internal/flock"
)

// Names in the hidden folder beside the target.
const (
	newName  = "new"  // the folder being written; after the exchange, the replaced one
	oldName  = "old"  // the replaced folder, if the file system can't exchange folders
	lockName = "lock" // excludes a second process with the same target
)

// Stage is a folder that is being written.
type Stage struct {
	// Folder is the path at which to create the folder that Publish moves to the target.
	Folder string

	target string
	root   string // .NAME.being-written, beside the target
	lock   *os.File
}

// Open prepares to write target. It removes the remains of a killed process, after it has put the target back if that process had
// moved it away. Then it calls check, and returns its error, if any.
func Open(target string, check func() error) (*Stage, error) {
	if resolved, err := filepath.EvalSymlinks(target); err == nil {
		target = resolved
	}
	parent, name := filepath.Split(filepath.Clean(target))
	s := &Stage{target: filepath.Join(parent, name), root: filepath.Join(parent, "."+name+".being-written")}
	s.Folder = filepath.Join(s.root, newName)
	if err := s.enter(); err != nil {
		return nil, err
	}
	err := s.recover()
	if err == nil {
		err = check()
	}
	if err != nil {
		s.Discard()
		return nil, err
	}
	return s, nil
}

// maxTries limits how often another process may remove the hidden folder between its creation and the lock.
const maxTries = 100

func (s *Stage) enter() (err error) {
	for range maxTries {
		if err := os.MkdirAll(s.root, 0o777); err != nil {
			return err
		}
		s.lock, err = flock.Acquire(filepath.Join(s.root, lockName), syscall.LOCK_EX)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	var held *flock.HeldError
	if errors.As(err, &held) {
		return fmt.Errorf("%s is being written by another process, in %s: wait for it or choose another --out: %w", s.target, s.root, held)
	}
	return err
}

// recover puts back a target that was moved away, and removes everything else.
func (s *Stage) recover() error {
	if _, err := os.Lstat(s.target); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(filepath.Join(s.root, oldName), s.target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return s.clear()
}

// clear removes everything beside the target except the lock, also what the writer of Folder has put beside it.
func (s *Stage) clear() error {
	entries, err := os.ReadDir(s.root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != lockName {
			if err := os.RemoveAll(filepath.Join(s.root, e.Name())); err != nil {
				return err
			}
			fault.Point("removed the old folder")
		}
	}
	return nil
}

// exchange atomically swaps two folders, which not every file system can do. It is a variable for tests.
var exchange = func(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// Publish moves Folder to the target and removes the folder that it replaces.
func (s *Stage) Publish() error {
	fault.Point("made the new folder")
	err := os.Rename(s.Folder, s.target) // works if the target does not exist or is an empty folder
	if err != nil {
		if err = s.replace(); err != nil {
			return fmt.Errorf("putting the new folder in place: %w", err)
		}
	}
	fault.Point("put the new folder in place")
	if err := s.leave(); err != nil {
		return fmt.Errorf("the new folder is in place, but what it replaces could not be removed: %w", err)
	}
	return nil
}

// replace swaps Folder and the target. If the file system can't do that, the target is missing for a moment; if the process ends
// then, the next Open puts it back.
func (s *Stage) replace() error {
	if dir, err := os.Open(s.Folder); err == nil { // without this a power cut could leave neither of the two
		_ = unix.Syncfs(int(dir.Fd()))
		dir.Close()
	}
	if exchange(s.Folder, s.target) == nil {
		return nil
	}
	old := filepath.Join(s.root, oldName)
	if err := os.Rename(s.target, old); err != nil {
		return err
	}
	fault.Point("moved the old folder away")
	if err := os.Rename(s.Folder, s.target); err != nil {
		return errors.Join(err, os.Rename(old, s.target))
	}
	return nil
}

// Discard removes an unpublished folder. Leftovers that it can't remove are removed by the next Open.
func (s *Stage) Discard() { _ = s.leave() }

// leave removes everything but the target and releases the lock.
func (s *Stage) leave() error {
	if s.lock == nil {
		return nil
	}
	defer func() {
		s.lock.Close()
		s.lock = nil
	}()
	if err := s.recover(); err != nil { // replace may have failed after it moved the target away
		return err
	}
	fault.Point("removed all but the lock")
	return os.RemoveAll(s.root)
}
