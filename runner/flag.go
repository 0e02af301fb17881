package runner

import (
	"errors"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/spell"
)

// flagError is an error in whose text a setting has the name of its flag.
type flagError struct {
	text string
	err  error
}

func (e *flagError) Error() string { return e.text }
func (e *flagError) Unwrap() error { return e.err }

// WithFlag names the flag in an error about a setting, for which packages dtl and backbone have names of their own.
func WithFlag(err error) error {
	var s *spell.SettingError
	if !errors.As(err, &s) {
		return err
	}
	flag := "--" + s.Setting // a method's options have the names of their flags
	switch s.Setting {
	case backbone.HeadsSetting:
		flag = "--heads"
	case backbone.ImageSizeSetting:
		flag = "--image-size"
	}
	return &flagError{strings.Replace(err.Error(), s.Error(), s.Named(flag), 1), err}
}
