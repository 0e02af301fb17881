// Package files goes through the files below a folder as data sets need it: links are followed, and what systems leave in
// folders is passed over.
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
	Path string      // what to open
	Name string      // relative to the folder, with slashes
	Info fs.FileInfo // of what a link leads to; nil for a link that leads nowhere
}

// Below visits the files below a folder by name, at any depth. Links to files and folders are followed, as Python's
// os.walk(followlinks=True) does, but for those that lead back to a folder on the way down, that from the root of the file
// system included: they end in themselves. What Hidden names is passed over. The folder itself may have any name and be
// reached by a link. An error of visit ends the walk.
func Below(folder string, visit func(File) error) error {
	above, err := parents(folder)
	if err != nil {
		return err
	}
	return walk(folder, "", above, visit)
}

// parents are the folder and all folders that it lies in, where it is and where its name says.
func parents(folder string) (all []fs.FileInfo, err error) {
	named, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(named)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{named, real} {
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

// walk visits what is in a folder. above are the folders on the way down to it, itself the last.
func walk(folder, name string, above []fs.FileInfo, visit func(File) error) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if Hidden(e.Name()) {
			continue
		}
		f := File{Path: filepath.Join(folder, e.Name()), Name: path.Join(name, e.Name())}
		if f.Info, err = Stat(f.Path); err != nil {
			return err
		}
		switch {
		case f.Info == nil || !f.Info.IsDir():
			err = visit(f)
		case !slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, f.Info) }):
			err = walk(f.Path, f.Name, append(above, f.Info), visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Stat is os.Stat, but nil without an error for a link that leads nowhere or to itself.
func Stat(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ELOOP) {
		return nil, nil
	}
	return info, err
}

// Hidden tells of a name, without folders, whether a file or folder is no user's: it begins with a dot (.DS_Store, ._x.jpg,
// .ipynb_checkpoints), or a system or an archiver put it there.
func Hidden(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains([]string{
		"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", // Windows, macOS
		"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found",
	}, strings.ToLower(name))
}
