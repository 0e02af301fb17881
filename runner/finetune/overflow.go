package finetune

import (
	"errors"
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/runner/internal/classify"
)

// overflowError says that training diverged: the loss of every step was finite, but logits of the trained weights are not.
type overflowError struct {
	rate      float64         // peak learning rate
	precision graph.Precision // of the run
	cause     error           // wraps a *classify.NotFiniteError
	logit     *classify.NotFiniteError
}

// Error implements error.
func (e *overflowError) Error() string {
	also := ""
	if e.precision != graph.FP32 {
		also = fmt.Sprintf(", or fp32 if values overflow in %s only", e.precision)
	}
	return fmt.Sprintf("training diverged: image %s can't be classified: its logit of class %d is %v: try a smaller learning rate than %g%s",
		e.logit.Image, e.logit.Class, e.logit.Logit, e.rate, also)
}

// Unwrap returns the error of the evaluation, for package errors.
func (e *overflowError) Unwrap() error { return e.cause }

// overflowed makes a logit that is not finite a divergence: the weights come from the training.
func (r *run) overflowed(err error) error {
	var logit *classify.NotFiniteError
	if !errors.As(err, &logit) {
		return err
	}
	return &overflowError{r.config.LearningRate, r.config.Precision, err, logit}
}
