package result

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"dtl-tf/runner/fault"
)

// Policy is what to do about an output folder that exists.
type Policy int

// The policies. Refuse is the default: nothing that exists is touched.
const (
	Refuse    Policy = iota
	Overwrite        // --overwrite: Clear removes what an earlier run left
	Resume           // --resume: the folder must hold a run, or what one left that was killed as it began
)

// Folder is the output folder of a run, held under a lock until Close.
type Folder struct {
	path    string
	policy  Policy
	lock    *os.File
	created bool
}

// OpenFolder makes or opens the output folder of a run and locks it. Nothing in it is removed
// yet: call Clear for that when all input has been read, so that a run that fails on bad input
// costs nothing. A folder with nothing in it but the lock file of a killed run counts as new.
//
// Errors: the folder exists and policy is Refuse; it is a file; it is not writable; there is no
// run to resume; another run holds it (*LockedError).
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
		if _, err := os.Lstat(f.path); err == nil {
			return nil, fmt.Errorf("%s: is a link to nothing: remove it or choose another --out", path)
		}
		if err := os.MkdirAll(filepath.Dir(f.path), 0o777); err != nil {
			return nil, cannotWrite(path, err)
		}
		// Mkdir, not MkdirAll: of two runs that start together only one makes the folder.
		if err := os.Mkdir(f.path, 0o777); errors.Is(err, fs.ErrExist) {
			return OpenFolder(path, policy)
		} else if err != nil {
			return nil, cannotWrite(path, err)
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
	f.lock, err = lock(f.path, f.Path(lockFile))
	if err != nil {
		var held *LockedError
		if errors.As(err, &held) {
			return nil, err
		}
		return nil, cannotWrite(path, err)
	}
	if policy == Refuse && !f.created && !f.abandoned() { // a run has ended between our look and our lock
		f.Close()
		return nil, existsAlready(path)
	}
	fault.Point("locked the folder")
	_, noRun := os.Stat(f.Path(RunFile))
	if policy == Resume && noRun != nil && noLock != nil {
		f.Close()
		return nil, fmt.Errorf("%s: no run to resume: %w", path, noRun)
	}
	// Without run.json and with a lock that nobody held, a killed process has made the folder and no more.
	f.created = f.created || noRun != nil && noLock == nil
	return f, nil
}

func existsAlready(path string) error {
	return fmt.Errorf("%s: exists already: add --overwrite to replace the run in it, --resume to go on with it, or choose another --out", path)
}

// abandoned tells whether there is nothing in the folder but a lock file and unfinished files.
func (f *Folder) abandoned() bool {
	entries, err := os.ReadDir(f.path)
	locked := false
	for _, e := range entries {
		if e.Name() != lockFile && !isTemp(e.Name()) {
			return false
		}
		locked = locked || e.Name() == lockFile
	}
	return err == nil && locked
}

// Path is the path of a file in the folder; with an empty name that of the folder.
func (f *Folder) Path(name string) string { return filepath.Join(f.path, name) }

// Clear removes what an earlier run left in the folder if the policy is Overwrite, and always
// the temporary files of a killed one. Files that no run makes stay, and so do folders.
//
// Inputs are files that this run reads. If one of them would be removed, nothing is and the
// error names it: "--backbone RUN/backbone.npz --out RUN --overwrite" must not eat its input.
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

// Close gives the folder free. A folder that OpenFolder made and that stayed empty goes again,
// so that the next try is not refused for it.
func (f *Folder) Close() {
	if f.lock == nil {
		return
	}
	unlock(f.lock)
	f.lock = nil
	if f.created {
		_ = os.Remove(f.path) // fails, as it should, unless the folder is empty
	}
}

// madeByRun reports whether a run makes files of this name.
func madeByRun(name string) bool {
	switch name {
	case RunFile, AdapterFile, MetricsFile:
		return true
	}
	return strings.HasPrefix(name, "backbone.") || strings.HasPrefix(name, "checkpoint") || strings.HasPrefix(name, "events.out.tfevents.")
}

// isTemp reports whether the name is that of a file of a run while WriteFile writes it.
func isTemp(name string) bool {
	base, number, ok := strings.Cut(strings.TrimPrefix(name, "."), tempMark)
	return ok && name[0] == '.' && madeByRun(base) && strings.Trim(number, "0123456789") == ""
}

func cannotWrite(path string, err error) error {
	return fmt.Errorf("output folder %s: %w%s", path, bare(err), advice(err))
}
