// Package stage makes a folder that appears complete or not at all, and replaces one that is there by it: whenever the process ends,
// there is a whole folder, the old or the new.
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
	newName  = "new"  // what is being made, and after the exchange what it has replaced
	oldName  = "old"  // what is replaced, where folders can't be exchanged
	lockName = "lock" // of two processes with one target the second is refused
)

// Stage is a folder under way.
type Stage struct {
	// Folder is where to make what Publish puts in the target's place. It does not exist yet.
	Folder string

	target string
	root   string // .NAME.being-written, beside the target
	lock   *os.File
}

// Open prepares the making of target. What a killed process has left is cleared, or put back if it is the target itself. Then check tells
// whether there may be a new target: an error of its ends the matter.
func Open(target string, check func() error) (*Stage, error) {
	if real, err := filepath.EvalSymlinks(target); err == nil {
		target = real
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

// mostTries bounds how often another process may end, and remove its folder, just when this one enters it.
const mostTries = 100

func (s *Stage) enter() (err error) {
	for range mostTries {
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

// recover puts back a target that was moved away to be replaced, and removes all else that is left.
func (s *Stage) recover() error {
	old := filepath.Join(s.root, oldName)
	if _, err := os.Lstat(s.target); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(old, s.target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, path := range []string{old, s.Folder} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	// The writer of Folder may leave its own files beside it.
	entries, err := os.ReadDir(s.root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != lockName {
			if err := os.RemoveAll(filepath.Join(s.root, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// exchange swaps two folders at once. Not every file system can do it. It is a variable for tests.
var exchange = func(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// Publish puts Folder in the target's place and removes what was there.
func (s *Stage) Publish() error {
	fault.Point("made the new folder")
	err := os.Rename(s.Folder, s.target) // works where nothing is there, or an empty folder
	if err != nil {
		if err = s.replace(); err != nil {
			return fmt.Errorf("putting the new folder in place: %w", err)
		}
	}
	fault.Point("put the new folder in place")
	return s.leave()
}

// replace swaps Folder and the target. Where the file system can't, the target is away for a moment, and Open puts it back if the process
// ends then.
func (s *Stage) replace() error {
	if dir, err := os.Open(s.Folder); err == nil { // or else a power cut could leave neither of the two
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

// Discard removes what was not published.
func (s *Stage) Discard() { _ = s.leave() } // the next Open clears what is left

// leave removes all but the target and gives the lock free.
func (s *Stage) leave() error {
	if s.lock == nil {
		return nil
	}
	defer func() {
		s.lock.Close()
		s.lock = nil
	}()
	for _, name := range []string{newName, oldName} {
		if err := os.RemoveAll(filepath.Join(s.root, name)); err != nil {
			return fmt.Errorf("the new folder is in place, but what it replaces could not be removed: %w", err)
		}
		fault.Point("removed the old folder")
	}
	return os.RemoveAll(s.root)
}
