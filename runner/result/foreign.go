package result

// ForeignError says that a file is whole, but of another version of the program. It is not damaged, so nothing that belongs to it may be
// removed or replaced.
type ForeignError struct{ Err error }

// Error implements error.
func (e *ForeignError) Error() string {
	return e.Err.Error() + ": another version of dtl-tf wrote it, and only that can go on with it"
}

// Unwrap implements the errors package's protocol.
func (e *ForeignError) Unwrap() error { return e.Err }
