package spell

import (
	"errors"
	"fmt"
)

// SettingError is an error about a setting that a user may change. Packages that know no flags name the thing; Named gives the
// text with the name that the user knows.
type SettingError struct {
	Setting string
	format  string
	args    []any
}

// Settingf returns a *SettingError. The first verb of the format stands for the setting.
func Settingf(setting, format string, args ...any) error {
	return &SettingError{setting, format, args}
}

// Named returns the text with another name for the setting.
func (e *SettingError) Named(name string) string { return e.named(name).Error() }

func (e *SettingError) named(name string) error {
	return fmt.Errorf(e.format, append([]any{name}, e.args...)...)
}

// Error implements error.
func (e *SettingError) Error() string { return e.Named(e.Setting) }

// Unwrap implements the errors package's protocol.
func (e *SettingError) Unwrap() error { return errors.Unwrap(e.named(e.Setting)) }
