package serve

import (
	"os"
	"path/filepath"
	"strings"

	"dtl-tf/runner/result"
)

// adapterFile is the adapter's file in a run's folder, or the path itself if that is no folder.
func adapterFile(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, result.AdapterFile)
	}
	return path
}

// nameOf is the name of an adapter that has none: that of its run's folder, or of its file without the ending.
func nameOf(path string) string {
	if filepath.Base(path) == result.AdapterFile {
		if folder := filepath.Base(filepath.Dir(path)); folder != "." && folder != string(filepath.Separator) {
			return folder
		}
	}
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}
