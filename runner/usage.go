package runner

import (
	"fmt"
	"strings"
)

// UsageError is wrong usage: the command line asks for something impossible.
type UsageError struct{ Err error }

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns Err, for package errors.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef formats a UsageError as fmt.Errorf does.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Unknown returns the UsageError for a flag whose value is none of the known ones.
func Unknown(flag, value string, known []string) error {
	return Usagef("--%s %q is unknown: use one of %s", flag, value, strings.Join(known, ", "))
}
