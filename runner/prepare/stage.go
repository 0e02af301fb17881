package prepare

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"dtl-tf/runner"
	"dtl-tf/runner/internal/stage"
)

// openStage opens a temporary folder for the data set, which gets the name --out once it is complete.
func openStage(c Config) (*stage.Stage, error) {
	target := filepath.Clean(c.Out)
	check := func() error { return checkTarget(c, target) }
	if err := check(); err != nil { // before any folder is made
		return nil, err
	}
	if name := filepath.Base(target); name == ".." || name == "." {
		return nil, runner.Usagef("--out %s: want the folder to make, such as %s", c.Out, filepath.Join(c.Out, "NAME"))
	}
	s, err := stage.Open(target, check)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(s.Folder, 0o777); err != nil {
		s.Discard()
		return nil, fmt.Errorf("--out: %w", err)
	}
	return s, nil
}

// checkTarget rejects a target that exists, unless it is an empty folder or a prepared data set that may be replaced.
func checkTarget(c Config, target string) error {
	info, err := os.Lstat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checkApart(c.From, target)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("--out %s: a part of this path is a file, not a folder", target)
	case err != nil:
		return fmt.Errorf("--out: %w", err)
	case !info.IsDir():
		return fmt.Errorf("--out %s exists and is not a folder: choose another", target)
	}
	if entries, err := os.ReadDir(target); err != nil || len(entries) > 0 {
		if !c.Overwrite {
			return fmt.Errorf("--out %s exists already: add --overwrite to replace it, or choose another", target)
		}
		if _, err := ReadRecord(target); err != nil {
			return fmt.Errorf("--out %s: --overwrite replaces only what 'data prepare' made: %w", target, err)
		}
	}
	return checkApart(c.From, target)
}

// checkApart rejects a source in the target, which would be removed, and a target in the source, which would contain itself.
func checkApart(from, target string) error {
	source, target := resolve(from), resolve(target)
	inside := func(a, b string) bool {
		rel, err := filepath.Rel(b, a)
		return err == nil && filepath.IsLocal(rel)
	}
	if inside(source, target) || inside(target, source) {
		return runner.Usagef("--from %s and --out %s lie in one another: choose an --out elsewhere", from, target)
	}
	return nil
}

// resolve follows links as far as the path exists.
func resolve(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if target, err := filepath.EvalSymlinks(abs); err == nil {
		return target
	}
	if parent := filepath.Dir(abs); parent != abs {
		return filepath.Join(resolve(parent), filepath.Base(abs))
	}
	return abs
}
