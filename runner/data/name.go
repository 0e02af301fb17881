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

// extensions are the file names that count as images in a folder; what the content is decides later on how to decode it.
func extensions() []string {
	return []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif"}
}

// isPictureName tells by the ending whether a file looks like a picture that can't be decoded: to pass over those in silence
// would lose data.
func isPictureName(path string) bool {
	return slices.Contains([]string{
		".webp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".jxr", ".svg",
		".ppm", ".pgm", ".pbm", ".pnm", ".pcx", ".tga", ".ico", ".psd", ".exr", ".hdr", ".dcm",
		".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf",
	}, strings.ToLower(filepath.Ext(path)))
}
