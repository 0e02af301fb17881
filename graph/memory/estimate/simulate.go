package estimate

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
)

// Report is the memory of a run.
type Report struct {
	Peak int64  // the most bytes alive at any moment, as in memory.Report
	Node string // that runs at the peak
	Left int64  // bytes alive after the run: fetched values, and new values of variables
}

// Peak tells the memory of a run of g with those feeds, fetches and targets in a session with those options. All shapes must be known. It
// returns an error on a GPU and for ops that it does not know.
func Peak(g *tf.Graph, o graph.SessionOptions, feeds, fetches []tf.Output, targets ...*tf.Operation) (Report, error) {
	rewritten, err := graph.Rewritten(g, o, feeds, fetches, targets...)
	if err != nil {
		return Report{}, fmt.Errorf("estimate of memory: %w", err)
	}
	net, err := read(rewritten, typesOf(g))
	if err != nil {
		return Report{}, fmt.Errorf("estimate of memory: %w", err)
	}
	s := newSimulation(fetches)
	for _, n := range net.schedule() {
		if err := s.run(n); err != nil {
			return Report{}, fmt.Errorf("estimate of memory: %w", err)
		}
	}
	s.report.Left = s.live
	return s.report, nil
}

// buffer is memory that holds the value of one or several outputs.
type buffer struct {
	bytes    int64 // 0 if the buffer exists before the run
	readers  int   // edges to nodes that have not run yet, and fetches
	variable bool  // is the value of a variable
	fixed    bool  // is not the run's to overwrite
}

// simulation is the state of a run.
type simulation struct {
	report    Report
	live      int64
	buffers   map[value]*buffer
	variables map[*node]*buffer // by handle
	fetches   map[string]map[int]bool
	allocated func(n *node, bytes int64) // for tests
}

func newSimulation(fetches []tf.Output) *simulation {
	s := &simulation{buffers: map[value]*buffer{}, variables: map[*node]*buffer{}, fetches: map[string]map[int]bool{}, allocated: func(*node, int64) {}}
	for _, f := range fetches {
		if s.fetches[f.Op.Name()] == nil {
			s.fetches[f.Op.Name()] = map[int]bool{}
		}
		s.fetches[f.Op.Name()][f.Index] = true
	}
	return s
}

// run runs a node whose inputs have been computed.
func (s *simulation) run(n *node) error {
	conduct, err := n.conduct()
	if err != nil {
		return err
	}
	outputs := make([]*buffer, len(n.outputs))
	for i := range outputs {
		outputs[i] = s.output(n, i, conduct)
	}
	switch {
	case conduct == assign:
		s.replace(n.inputs[0].from, s.buffers[n.inputs[1]])
	case conduct == update && s.variable(n.inputs[0].from).readers > 0: // the old value is still needed
		s.replace(n.inputs[0].from, s.allocate(n, s.variableBytes(n)))
	}
	if scratch := n.scratch(); scratch > 0 {
		s.free(s.allocate(n, scratch))
	}
	for _, u := range n.users {
		if u.slot != control {
			outputs[u.slot].readers++
			s.buffers[value{n, u.slot}] = outputs[u.slot]
		}
	}
	for i := range s.fetches[n.name] {
		outputs[i].readers++
	}
	for _, in := range n.inputs {
		b := s.buffers[in]
		b.readers--
		s.free(b)
	}
	for _, b := range outputs {
		s.free(b)
	}
	return nil
}

// output is the buffer of output i.
func (s *simulation) output(n *node, i int, c conduct) *buffer {
	switch {
	case n.op == "ReadVariableOp":
		return s.variable(n.inputs[0].from)
	case c == existing:
		return &buffer{fixed: true}
	case c == passes && i == 0:
		return s.buffers[n.inputs[0]]
	case c == overwrites:
		for _, at := range n.candidates(i) {
			in := n.inputs[at]
			if b := s.buffers[in]; b.readers == 1 && !b.fixed && !b.variable && in.typ().sameSize(n.outputs[i]) {
				return b
			}
		}
	}
	return s.allocate(n, n.outputs[i].bytes())
}

func (s *simulation) allocate(n *node, bytes int64) *buffer {
	s.allocated(n, bytes)
	if s.live += bytes; s.live > s.report.Peak {
		s.report.Peak, s.report.Node = s.live, n.name
	}
	return &buffer{bytes: bytes}
}

// free frees a buffer unless it is in use.
func (s *simulation) free(b *buffer) {
	if b.readers == 0 && !b.variable {
		s.live -= b.bytes
		b.bytes = 0
	}
}

// variable is the buffer with the value of a variable.
func (s *simulation) variable(handle *node) *buffer {
	if s.variables[handle] == nil {
		s.variables[handle] = &buffer{variable: true}
	}
	return s.variables[handle]
}

// variableBytes is the size of the variable that a node updates. The new value has the type of the last input, a gradient.
func (s *simulation) variableBytes(n *node) int64 { return n.inputs[len(n.inputs)-1].typ().bytes() }

// replace makes b the value of a variable.
func (s *simulation) replace(handle *node, b *buffer) {
	old := s.variable(handle)
	b.variable, s.variables[handle] = true, b
	if old != b {
		old.variable = false
		s.free(old)
	}
}
