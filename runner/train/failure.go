package train

import "fmt"

// InterruptedError says that a run was cancelled after a complete step. It wraps the context's error, so errors.Is(err,
// context.Canceled) holds after Ctrl-C.
type InterruptedError struct {
	Epoch, Step int // the unfinished epoch, and the steps done
	Cause       error
}

// Error implements error.
func (e *InterruptedError) Error() string {
	return fmt.Sprintf("interrupted in epoch %d after step %d", e.Epoch, e.Step)
}

// Unwrap implements the errors package's protocol.
func (e *InterruptedError) Unwrap() error { return e.Cause }

// DivergedError says that the loss of a step was NaN or infinite.
type DivergedError struct {
	Epoch, Step int
	Loss, Rate  float64
}

// Error implements error.
func (e *DivergedError) Error() string {
	return fmt.Sprintf("the loss turned %v in epoch %d, step %d, at learning rate %g: try a smaller learning rate", e.Loss, e.Epoch, e.Step, e.Rate)
}
