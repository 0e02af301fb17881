// Package savedmodels holds the backbone that is built into the program: a SavedModel as
// "dtl-tf backbone export" writes them, in the folder default; default.md is its model card.
package savedmodels

import (
	"embed"
	"errors"
	"io/fs"
)

// The pattern takes default.md and default, if it is there; other models may lie in this folder and must not end up in the program.
//
//go:embed default*
var files embed.FS

// Default is the folder of the built-in backbone, for backbone.LoadFS. It fails in a program
// that was built without one.
func Default() (fs.FS, error) {
	if _, err := fs.Stat(files, "default/saved_model.pb"); err != nil {
		return nil, errors.New("this program was built without one: saved_models/default was missing")
	}
	return fs.Sub(files, "default")
}
