package dtl

import (
	"errors"
	"fmt"
	"reflect"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// kind is the part of a Shared's graph for tasks that differ only in their adapters and numbers of classes: from the values of the
// prefix, or from images if there is none, to logits. Adapters are inputs of it.
type kind struct {
	method Method
	pool   backbone.Pool

	prefix prefix        // of the model, in a separate graph
	reads  []string      // what it takes from the trunk, empty if there is no prefix
	inputs []graph.Value // in the order of reads, or images
	params *graph.Variables
	logits graph.Value
}

// kindOf finds or builds the kind of a task.
func (s *Shared) kindOf(t Task) (k *kind, err error) {
	defer graph.Catch(&err)
	c := s.config
	c.Method, c.Pool, c.Classes = t.Method, t.Pool, t.Classes
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.sharesFolded(s.given); err != nil {
		return nil, err
	}
	s.building.Lock()
	defer s.building.Unlock()
	for _, k := range s.kinds {
		if k.pool == t.Pool && reflect.DeepEqual(k.method, t.Method) {
			return k, nil
		}
	}
	m, err := New(c) // in a separate graph, because finding the prefix takes a whole pass
	if err != nil {
		return nil, err
	}
	if k, err = s.trunk.branch(m.prefix, c); err != nil {
		return nil, err
	}
	// Such as the position bias of a Swin's windows with prompts.
	if err := s.trunk.frozen.AssignDerived(s.session, s.derived); err != nil {
		return nil, err
	}
	s.derived = s.trunk.frozen.Derived()
	s.kinds = append(s.kinds, k)
	return k, nil
}

// inTrunk is the name of a value of the prefix among those of a trunk.
func (v stored) inTrunk(pool backbone.Pool) string {
	if v.name == "features" {
		return featuresOf(pool)
	}
	return v.name
}

// branch adds a kind to the graph.
func (t *trunk) branch(p prefix, c Config) (*kind, error) {
	c.Classes = graph.Unknown
	weights := len(t.frozen.All())
	m := c.onGraph(t.builder.Apart(), t.frozen, graph.NewInputs())
	m.attach()
	k := &kind{method: c.Method, pool: c.Pool, prefix: p, params: m.Trainable}
	b := m.builder.In("task")
	f := &backbone.Forward{Hook: m.newHook(), ShortEnd: p.shortEnd}
	if p.blocks == 0 {
		k.inputs = []graph.Value{m.placeholder(b, graph.Unknown)}
		k.logits = m.forward(b, k.inputs[0], f)
	} else {
		inputs, given := p.placeholders(b, graph.Unknown, graph.FP32)
		f.Arch, f.Weight, f.Derive = c.Arch, m.weight, m.derive
		k.inputs, k.logits = inputs, m.classify(b, f.Resume(b, given, c.Pool))
		for _, v := range p.values {
			name := v.inTrunk(c.Pool)
			if !t.values[name].Defined() {
				return nil, fmt.Errorf("the backbone's pass has no value %s", name)
			}
			k.reads = append(k.reads, name)
		}
	}
	if len(t.frozen.All()) != weights {
		return nil, errors.New("the method reads weights that the backbone's own pass does not")
	}
	return k, nil
}
