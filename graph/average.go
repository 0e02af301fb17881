package graph

import (
	tf "github.com/wamuir/graft/tensorflow"
)

// averagePrefix is put before the names of variables for their averages.
const averagePrefix = "ema/"

// Average keeps exponential moving averages of variables: after each step the average is decay times itself plus 1 - decay times the
// variable, as torch.optim.swa_utils.get_ema_multi_avg_fn has it.
type Average struct {
	Decay float64
	// State holds the averages, named "ema/NAME".
	State *Variables
}

// NewAverage returns averages without variables.
func NewAverage(decay float64) *Average { return &Average{Decay: decay, State: NewVariables()} }

// Of is the name of the average of a variable.
func (a *Average) Of(variable string) string { return averagePrefix + variable }

// Update adds the node that moves the average of v, which runs after the op that has changed v.
func (a *Average) Update(b *Builder, v *Variable, changed *tf.Operation) *tf.Operation {
	average := a.State.Declare(b, a.Of(v.Name), false, v.Shape...)
	b = b.In(a.Of(v.Name)).After(changed)
	now := b.node("ReadVariableOp", v.Shape, map[string]any{"dtype": v.dtype}, v.handle)
	return average.Add(b, b.times(b.sub(now, Value{Output: average.read, Shape: v.Shape}), 1-a.Decay))
}
