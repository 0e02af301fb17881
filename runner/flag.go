package runner

import (
	"errors"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/spell"
)

// flagError is an error whose text names the flag of a setting.
type flagError struct {
	text string
	err  error
}

func (e *flagError) Error() string { return e.text }
func (e *flagError) Unwrap() error { return e.err }

// WithFlag replaces the name of a setting, as in packages dtl and backbone, by its flag in an error's text.
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
