package data

import (
	"path/filepath"
	"slices"
	"strings"
)

// IsImageName tells by the ending whether a file looks like an image that can be decoded.
func IsImageName(path string) bool {
	return slices.Contains(extensions(), strings.ToLower(filepath.Ext(path)))
}
