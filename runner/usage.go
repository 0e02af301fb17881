package runner

import "fmt"

// UsageError is a mistake in what the user asked for, as opposed to something that went wrong.
type UsageError struct{ Err error }

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap implements the errors package's protocol.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef is a UsageError with a text of its own.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }
