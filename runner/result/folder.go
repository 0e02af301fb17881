package result

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"dtl-tf/runner/fault"
	"dtl-tf/runner/internal/flock"
)

// lockFile keeps two runs out of one folder.
const lockFile = ".dtl-tf.lock"

// LockedError says that another process is writing into a folder.
type LockedError struct {
	Folder string
	Holder string // its process number and machine, "" if unknown
}

// Error implements error.
func (e *LockedError) Error() string {
	who := ""
	if e.Holder != "" {
		who = " (process " + e.Holder + ")"
	}
	return fmt.Sprintf("%s: another run is writing into this folder%s: wait for it, stop it, or choose another --out", e.Folder, who)
}

// Policy says what to do with an existing output folder.
type Policy int

// The policies. Refuse, the default, touches nothing that exists.
const (
	Refuse    Policy = iota
	Overwrite        // --overwrite: Clear removes the files of an earlier run
	Resume           // --resume: the folder must hold a run, or what is left of one that was killed at its start
)

// Folder is the output folder of a run, locked until Close.
type Folder struct {
	path    string
	policy  Policy
	lock    *os.File
	created bool
}

// OpenFolder creates or opens the output folder of a run and locks it. It removes nothing: call Clear after all input has been
// read, so that a run with bad input leaves the folder as it was. A folder with only the lock file of a killed run counts as new.
//
// It fails if the folder exists and policy is Refuse, if it is a file or not writable, if there is no run to resume, or if
// another run holds it (*LockedError).
func OpenFolder(path string, policy Policy) (*Folder, error) {
	if path == "" {
		return nil, errors.New("the output folder has an empty name")
	}
	f := &Folder{path: filepath.Clean(path), policy: policy}
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && policy == Resume:
		return nil, fmt.Errorf("%s: no run to resume: the folder does not exist", path)
	case errors.Is(err, fs.ErrNotExist):
		switch made, err := f.make(path); {
		case err != nil:
			return nil, err
		case !made:
			return OpenFolder(path, policy)
		}
		f.created = true
		fault.Point("made the folder")
	case errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("%s: a part of this path is a file, not a folder", path)
	case err != nil:
		return nil, cannotWrite(path, err)
	case !info.IsDir():
		return nil, fmt.Errorf("%s: is a file, the output must be a folder", path)
	case policy == Refuse && !f.abandoned():
		return nil, existsAlready(path)
	}
	_, noLock := os.Stat(f.Path(lockFile))
	f.lock, err = flock.Acquire(f.Path(lockFile), syscall.LOCK_EX)
	var held *flock.HeldError
	if errors.As(err, &held) {
		return nil, &LockedError{Folder: f.path, Holder: held.Holder}
	}
	if err != nil {
		return nil, cannotWrite(path, err)
	}
	if policy == Refuse && !f.created && !f.abandoned() { // a run has ended since the first look
		f.Close()
		return nil, existsAlready(path)
	}
	fault.Point("locked the folder")
	_, noRun := os.Stat(f.Path(RunFile))
	if policy == Resume && noRun != nil && noLock != nil {
		f.Close()
		return nil, fmt.Errorf("%s: no run to resume: %w", path, noRun)
	}
	// A lock file that nobody held, without run.json, means that a process was killed right after it created the folder.
	f.created = f.created || noRun != nil && noLock == nil
	return f, nil
}

// make makes the folder and those above it. made is false if another process has made it meanwhile. given is its path in messages, as the
// user gave it.
func (f *Folder) make(given string) (made bool, err error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o777); err != nil {
		return false, cannotWrite(given, err)
	}
	err = os.Mkdir(f.path, 0o777) // unlike MkdirAll, it succeeds for only one of two runs that start together
	switch {
	case errors.Is(err, fs.ErrExist) && isDangling(f.path):
		return false, fmt.Errorf("%s: is a link to nothing: remove it or choose another --out", given)
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, cannotWrite(given, err)
	}
	return true, nil
}

// isDangling reports whether path is a link to nothing.
func isDangling(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	_, err = os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func existsAlready(path string) error {
	return fmt.Errorf("%s: exists already: add --overwrite to replace the run in it, --resume to continue it, or choose another --out", path)
}

// abandoned reports whether the folder holds nothing but a lock file and temporary files.
func (f *Folder) abandoned() bool {
	entries, err := os.ReadDir(f.path)
	locked := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == lockFile })
	other := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != lockFile && !isTemp(e.Name()) })
	return err == nil && locked && !other
}

// Path returns the path of a file in the folder, or of the folder itself if name is empty.
func (f *Folder) Path(name string) string { return filepath.Join(f.path, name) }

// Clear removes the temporary files of a killed run and, if the policy is Overwrite, the files of an earlier run. Folders and
// files that no run writes stay.
//
// inputs are the files that this run reads. If Clear would have to remove one of them, it removes nothing and returns an error
// that names the file: "--backbone RUN/backbone.npz --out RUN --overwrite" must not remove its input.
func (f *Folder) Clear(inputs ...string) error {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return fmt.Errorf("output folder: %w", err)
	}
	var remove []string
	for _, e := range entries {
		made := f.policy == Overwrite && madeByRun(e.Name())
		if !e.IsDir() && (made || isTemp(e.Name())) {
			remove = append(remove, f.Path(e.Name()))
		}
	}
	for _, path := range remove {
		info, err := os.Stat(path)
		if err != nil {
			continue // a dangling link
		}
		for _, input := range inputs {
			if in, err := os.Stat(input); err == nil && os.SameFile(info, in) {
				return fmt.Errorf("%s: --overwrite would remove this file, which the run reads: choose another --out", path)
			}
		}
	}
	for _, path := range remove {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("clearing the output folder: %w", err)
		}
		fault.Point("removed an old file")
	}
	return nil
}

// Close releases the folder. It removes a folder that OpenFolder created and that is still empty, so that the next try does not
// find it.
func (f *Folder) Close() {
	if f.lock == nil {
		return
	}
	os.Remove(f.lock.Name()) // before the lock is released: only its holder may
	fault.Point("removed the lock file")
	f.lock.Close()
	f.lock = nil
	if f.created {
		_ = os.Remove(f.path) // fails, as intended, unless the folder is empty
	}
}

// madeByRun reports whether a run writes files of this name.
func madeByRun(name string) bool {
	named := name == RunFile || name == AdapterFile || name == MetricsFile || name == SplitFile || name == SweepFile || slices.Contains(EvaluationFiles(), name)
	return named || strings.HasPrefix(name, "backbone.") || strings.HasPrefix(name, "checkpoint") || strings.HasPrefix(name, "events.out.tfevents.")
}

// isTemp reports whether WriteFile uses a name for the temporary form of a run's file.
func isTemp(name string) bool {
	base, number, ok := strings.Cut(strings.TrimPrefix(name, "."), tempMark)
	return ok && name[0] == '.' && madeByRun(base) && strings.Trim(number, "0123456789") == ""
}

func cannotWrite(path string, err error) error {
	return fmt.Errorf("output folder %s: %w%s", path, Bare(err), advice(err))
}
