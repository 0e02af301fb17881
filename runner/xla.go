package runner

import (
	"dtl-tf/graph"
	"dtl-tf/runner/machine"
)

// What --xla accepts.
const (
	XLAAuto = "auto"
	XLAOn   = "on"
	XLAOff  = "off"
)

// ResolveXLA replaces the setting by XLAOn, or by "" where XLA is not used: records omit it then. It returns an error if the user
// demands XLA and the machine lacks what it needs.
func (c *StepConfig) ResolveXLA(d graph.Device, note NoteFunc) error {
	demanded := c.XLA == XLAOn
	if c.XLA == XLAOff || c.XLA == "" || d != graph.GPU {
		c.XLA = ""
		if demanded {
			return Usagef("--xla on: TensorFlow finds no GPU here, and on a processor XLA makes steps slower")
		}
		return nil
	}
	if missing := machine.MissingForXLA(); missing != "" {
		c.XLA = ""
		if demanded {
			return Usagef("--xla on: %s", missing)
		}
		note("XLA is off, which makes steps several times slower on a GPU: %s", missing)
		return nil
	}
	c.XLA = XLAOn
	return nil
}

// SessionOptions returns the options of a session that trains. Call it after ResolveXLA.
func (c StepConfig) SessionOptions() graph.SessionOptions {
	return graph.SessionOptions{Threads: c.Threads, XLA: c.XLA == XLAOn}
}
