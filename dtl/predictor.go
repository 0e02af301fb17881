package dtl

import (
	"fmt"
	"maps"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// Start holds the values that a Predictor or a trainer starts from.
type Start struct {
	Session graph.SessionOptions
	// Weights are the backbone's, as in its file. If they are deferred, they go from there into the variables. Adapter holds the other trainable tensors; parameters that it lacks, all if it is nil, get
	// their initial values, drawn with Seed.
	Weights, Adapter tensor.Map
	// Seed also determines, together with the step, the random numbers of stochastic depth.
	Seed uint64
}

// Predictor is a model with values. It is safe for concurrent use.
type Predictor struct {
	*Model
	session *graph.Session
	seed    uint64
}

// NewPredictor opens a session on the model and fills its variables. It fails if a tensor is missing or has another shape.
func NewPredictor(m *Model, start Start) (*Predictor, error) {
	start.Session.Places = m.Config.Places
	s, err := graph.NewSession(m.builder.Graph(), start.Session)
	if err != nil {
		return nil, err
	}
	start.Weights = m.given.Weights(start.Weights)
	p := &Predictor{Model: m, session: s, seed: start.Seed}
	if err := p.fill(start); err != nil {
		s.Close()
		return nil, err
	}
	return p, nil
}

func (p *Predictor) fill(start Start) error {
	for i, t := range p.towers() {
		if i > 0 && t.Frozen == p.Frozen {
			continue
		}
		if err := t.Frozen.Assign(p.session, start.Weights); err != nil {
			return fmt.Errorf("backbone: %w", err)
		}
	}
	values, err := p.initial(start)
	if err != nil {
		return err
	}
	if err := p.Trainable.Assign(p.session, values); err != nil {
		return fmt.Errorf("adapter: %w", err)
	}
	return nil
}

// initial returns what the trainable variables start from, among other tensors. The weights of start are those that the model computes with.
func (m *Model) initial(start Start) (tensor.Map, error) {
	values := tensor.Map{}
	maps.Copy(values, start.Weights)
	if !m.params.covered(start.Adapter) {
		maps.Copy(values, m.params.drawn(start.Seed))
		derived, err := m.params.derived(start.Weights)
		if err != nil {
			return nil, err
		}
		maps.Copy(values, derived)
	}
	maps.Copy(values, start.Adapter)
	return values, nil
}

// Logits classifies any number of images [n, S, S, 3]: [n, classes].
func (p *Predictor) Logits(images tensor.Tensor) (tensor.Tensor, error) {
	if !p.images.Defined() {
		return tensor.Tensor{}, errNoImages
	}
	out, err := p.spread([]tensor.Tensor{images}, p.passes(func(m *Model) pass { return pass{[]graph.Value{m.images}, []tf.Output{m.logits.Output}} }))
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("classify: %w", err)
	}
	return out[0], nil
}

// ComputeStored runs any number of images [n, S, S, 3] through the prefix. It returns the values of the prefix in the order of Model.Stored,
// each [n, Shape...] in float32.
func (p *Predictor) ComputeStored(images tensor.Tensor) ([]tensor.Tensor, error) {
	if !p.images.Defined() {
		return nil, errNoImages
	}
	if len(p.cached.fetches) == 0 {
		return nil, fmt.Errorf("values to store: method %s leaves no part of the backbone as it is", p.Config.Method.Name())
	}
	out, err := p.spread([]tensor.Tensor{images}, p.passes(func(m *Model) pass { return pass{[]graph.Value{m.images}, m.cached.fetches} }))
	if err != nil {
		return nil, fmt.Errorf("values to store: %w", err)
	}
	return out, nil
}

// ReadTrainable returns copies of the trainable variables by name.
func (p *Predictor) ReadTrainable() (tensor.Map, error) { return p.Trainable.Read(p.session) }

// SetTrainable sets the trainable variables to values as ReadTrainable returns them.
func (p *Predictor) SetTrainable(values tensor.Map) error {
	return p.Trainable.Assign(p.session, values)
}

// ReadFrozen returns copies of the frozen weights by name.
func (p *Predictor) ReadFrozen() (tensor.Map, error) { return p.Frozen.Read(p.session) }

// FrozenSHA256 is the hash of the frozen weights by name, as of what ReadFrozen returns, without copies of them all.
func (p *Predictor) FrozenSHA256() (string, error) { return p.Frozen.SHA256(p.session) }

// Device returns the name and the kind of the device that computes, the first of several (see graph.Session).
func (p *Predictor) Device() (name, kind string, err error) {
	if places := p.Config.Places; len(places) > 0 {
		return places[0].Device(), strings.ToUpper(string(places[0].Kind())), nil
	}
	return p.session.Device()
}

// Close frees the session and its variables. Calling it again does nothing.
func (p *Predictor) Close() error { return p.session.Close() }
