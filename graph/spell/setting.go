package spell

import (
	"errors"
	"fmt"
)

// SettingError is an error about a setting that a user may change. Its text names the setting; Named gives the text with another
// name, such as that of a flag.
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

// Unwrap returns the error that %w wraps, if any.
func (e *SettingError) Unwrap() error { return errors.Unwrap(e.named(e.Setting)) }
