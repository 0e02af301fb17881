package runner

import (
	"errors"
	"fmt"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/spell"
)

// UsageError is wrong usage: the command line asks for something impossible.
type UsageError struct{ Err error }

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns Err, for package errors.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef formats a UsageError as fmt.Errorf does.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Unknown returns the UsageError for a flag whose value is none of the known ones. It suggests the nearest.
func Unknown(flag, value string, known []string) error {
	return Usagef("--%s %q is unknown: use one of %s%s", flag, value, strings.Join(known, ", "), spell.DidYouMean(value, known))
}

// flagError is an error whose text names the flag of a setting.
type flagError struct {
	text string
	err  error
}

func (e *flagError) Error() string { return e.text }
func (e *flagError) Unwrap() error { return e.err }

// WithFlag replaces the name of a setting, as in packages dtl and backbone, by its flag in an error's text.
func WithFlag(err error) error {
	var done *flagError
	if errors.As(err, &done) {
		return err
	}
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
