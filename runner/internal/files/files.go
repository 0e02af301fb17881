// Package files walks the files below a folder as data sets need it: it follows links and skips the files that systems leave in
// folders.
package files

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// File is one file below a folder.
type File struct {
	Path string      // to open
	Name string      // relative to the folder, with slashes
	Info fs.FileInfo // of the target of a link; nil for a broken link
}

// Below visits the files below a folder in the order of their names, at any depth, except hidden ones (see Hidden). It follows
// links to files and folders, as Python's os.walk(followlinks=True) does, but not links to a folder that contains them, which
// would never end. The folder itself may have any name and may be a link. An error of visit ends the walk.
func Below(folder string, visit func(File) error) error {
	return Walk(folder, visit, func(string, Reason) {})
}

// Reason says why a walk leaves out a file or a folder.
type Reason int

// The reasons.
const (
	IsHidden Reason = iota // see Hidden
	IsLoop                 // a link to a folder that contains it
)

// Walk is [Below], and passes what it leaves out to skip.
func Walk(folder string, visit func(File) error, skip func(path string, why Reason)) error {
	above, err := parents(folder)
	if err != nil {
		return err
	}
	return walker{visit, skip}.walk(folder, "", above)
}

// parents returns the folder and all folders that contain it, both by its name and by its real path.
func parents(folder string) (all []fs.FileInfo, err error) {
	named, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	resolved, err := filepath.EvalSymlinks(named)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{named, resolved} {
		for next := ""; dir != next; dir, next = filepath.Dir(dir), dir {
			info, err := os.Stat(dir)
			if err != nil {
				return nil, err
			}
			all = append(all, info)
		}
	}
	return all, nil
}

type walker struct {
	visit func(File) error
	skip  func(path string, why Reason)
}

// walk visits the files below a folder. above holds the folders on the way down to it, and the folder.
func (w walker) walk(folder, name string, above []fs.FileInfo) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		f := File{Path: filepath.Join(folder, e.Name()), Name: path.Join(name, e.Name())}
		if Hidden(e.Name()) {
			w.skip(f.Path, IsHidden)
			continue
		}
		if f.Info, err = Stat(f.Path); err != nil {
			return err
		}
		switch {
		case f.Info == nil || !f.Info.IsDir():
			err = w.visit(f)
		case slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, f.Info) }):
			w.skip(f.Path, IsLoop)
		default:
			err = w.walk(f.Path, f.Name, append(above, f.Info))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Stat works as os.Stat, but returns nil without an error for a link to nothing or to itself.
func Stat(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ELOOP) {
		return nil, nil
	}
	return info, err
}

// Hidden reports whether a file or folder of this name, without its path, is not the user's: the name begins with a dot
// (.DS_Store, ._x.jpg, .ipynb_checkpoints), or is that of a file of a system or an archiver.
func Hidden(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains([]string{
		"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", // Windows, macOS
		"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found",
	}, strings.ToLower(name))
}
