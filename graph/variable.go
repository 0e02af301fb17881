package graph

import (
	"fmt"
	"slices"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/capi"
	"dtl-tf/graph/tensor"
)

// Variable is a tensor that lives in the session between runs.
type Variable struct {
	Name      string
	Shape     []int
	Trainable bool
	// Value is the variable as layers use it: a leaf of the tape if it trains, behind StopGradient if it is frozen.
	Value Value

	dtype   tf.DataType // in which it is stored
	shared  string      // name in the session, see Builder.Scoped
	handle  tf.Output
	loaded  *tf.Operation // the read that Value is made of, nil for a member of NewInputs
	read    tf.Output     // as float32
	input   tf.Output     // placeholder of a member of NewInputs
	initial tf.Output     // placeholder of assign
	assign  *tf.Operation
}

// Variables is a set of variables with unique names, in order of declaration.
type Variables struct {
	list    []*Variable
	byName  map[string]*Variable
	derived []derivation
	fed     bool // see NewInputs

	within *Variables // the set of which this is a part, or nil
	prefix string     // of the names there
}

// derivation is a value that Assign computes from variables and keeps in the session.
type derivation struct {
	name   string
	value  Value
	loaded *tf.Operation // the read that value is made of
	update *tf.Operation
}

// NewVariables returns an empty set.
func NewVariables() *Variables { return &Variables{byName: map[string]*Variable{}} }

// NewInputs returns an empty set whose members do not live in the session: each run is fed their values (see Feeds). Their
// shapes may have Unknown dimensions. So one part of a graph serves any number of sets of values.
func NewInputs() *Variables { return &Variables{byName: map[string]*Variable{}, fed: true} }

// Within returns an empty set whose members are also members of vs, there with prefix before their names. So several models have
// their variables in one set.
func (vs *Variables) Within(prefix string) *Variables {
	return &Variables{byName: map[string]*Variable{}, within: vs, prefix: prefix}
}

// Feeds returns the feeds of a set of NewInputs from values, which may hold further names.
func (vs *Variables) Feeds(values tensor.Map) ([]Feed, error) {
	feeds := make([]Feed, len(vs.list))
	for i, v := range vs.list {
		t, err := v.valueIn(values)
		if err != nil {
			return nil, err
		}
		feeds[i] = Feed{Output: v.input, Value: t}
	}
	return feeds, nil
}

// valueIn finds the value of a variable and checks its shape.
func (v *Variable) valueIn(values tensor.Map) (tensor.Tensor, error) {
	t, ok := values[v.Name]
	if !ok {
		return t, fmt.Errorf("tensor %s is missing", v.Name)
	}
	if !slices.EqualFunc(t.Shape, v.Shape, func(got, want int) bool { return got == want || want == Unknown }) {
		return t, fmt.Errorf("tensor %s has shape %v, wanted %v", v.Name, t.Shape, v.Shape)
	}
	return t, nil
}

// Declare adds a float32 variable to the graph, or returns the existing one of that name.
func (vs *Variables) Declare(b *Builder, name string, trainable bool, shape ...int) *Variable {
	return vs.declare(b, name, trainable, tf.Float, shape)
}

// DeclareKernel adds a frozen variable that is stored in the Builder's precision, which saves a cast in every step. Assign
// rounds to that precision, and Read returns the rounded values.
func (vs *Variables) DeclareKernel(b *Builder, name string, shape ...int) *Variable {
	return vs.declare(b, name, false, b.precision.DataType(), shape)
}

func (vs *Variables) declare(b *Builder, name string, trainable bool, dtype tf.DataType, shape []int) *Variable {
	if v, ok := vs.byName[name]; ok {
		if v.Trainable != trainable || v.dtype != dtype || !slices.Equal(v.Shape, shape) {
			Fail("variable %s is declared twice: %v and %v", name, v.Shape, shape)
		}
		return v
	}
	if vs.within != nil {
		v := vs.within.declare(b, vs.prefix+name, trainable, dtype, shape)
		vs.list, vs.byName[name] = append(vs.list, v), v
		return v
	}
	b = b.outside().In("variable/" + b.scope + name)
	if vs.fed {
		return vs.add(b.input(name, trainable, dtype, shape))
	}
	v := &Variable{Name: name, Shape: slices.Clone(shape), Trainable: trainable, dtype: dtype, shared: b.scope + name}
	v.handle = v.handleAgain(b)
	read := b.node("ReadVariableOp", v.Shape, map[string]any{"dtype": dtype}, v.handle)
	v.loaded, v.read = read.Op, b.widen(read).Output
	if trainable {
		v.Value = b.Leaf(read)
	} else {
		v.Value = b.unary("StopGradient", read)
	}
	fed := dtype
	if fed == tf.Half { // TensorFlow rounds
		fed = tf.Float
	}
	initial := b.Placeholder("initial", fed, shape...)
	v.assign = b.operation("AssignVariableOp", map[string]any{"dtype": dtype}, v.handle, b.cast(initial, dtype).Output)
	v.initial = initial.Output
	return vs.add(v)
}

func (vs *Variables) add(v *Variable) *Variable {
	vs.list = append(vs.list, v)
	vs.byName[v.Name] = v
	return v
}

// input is a member of a set of NewInputs.
func (b *Builder) input(name string, trainable bool, dtype tf.DataType, shape []int) *Variable {
	fed := b.Placeholder("input", tf.Float, shape...)
	v := &Variable{Name: name, Shape: slices.Clone(shape), Trainable: trainable, dtype: dtype, read: fed.Output, input: fed.Output}
	if x := b.cast(fed, dtype); trainable {
		v.Value = b.Leaf(x)
	} else {
		v.Value = b.unary("StopGradient", x)
	}
	return v
}

// Derive returns a value that build computes from frozen variables of the set. Assign computes it and keeps it in the session, so
// that no step does. It is no variable of the set: Read, Elements and All leave it out. A second call with the same name
// returns the first one's value.
func (vs *Variables) Derive(b *Builder, name string, build func(b *Builder) Value) Value {
	for _, d := range vs.derived {
		if d.name == name {
			return d.value
		}
	}
	b = b.outside().In("derived/" + name)
	x := b.narrow(build(b))
	attrs := map[string]any{"dtype": x.DataType()}
	handle := b.operation("VarHandleOp", map[string]any{"dtype": x.DataType(), "shape": tf.MakeShape(dimensions(x.Shape)...), "shared_name": "derived/" + name}).Output(0)
	d := derivation{name: name, update: b.operation("AssignVariableOp", attrs, handle, x.Output)}
	read := b.node("ReadVariableOp", x.Shape, attrs, handle)
	d.loaded, d.value = read.Op, b.unary("StopGradient", read)
	vs.derived = append(vs.derived, d)
	return d.value
}

// Derived is the number of values that Derive has made.
func (vs *Variables) Derived() int { return len(vs.derived) }

// AssignDerived computes the derived values from a number on, which were made after Assign.
func (vs *Variables) AssignDerived(s *Session, from int) error {
	var targets []*tf.Operation
	for _, d := range vs.derived[from:] {
		targets = append(targets, d.update)
	}
	if len(targets) == 0 {
		return nil
	}
	_, err := s.Run(nil, nil, targets...)
	return err
}

// handleAgain adds another handle of the variable.
func (v *Variable) handleAgain(b *Builder) tf.Output {
	return b.operation("VarHandleOp", map[string]any{"dtype": v.dtype, "shape": tf.MakeShape(dimensions(v.Shape)...), "shared_name": v.shared}).Output(0)
}

// AfterReads returns x, delayed until all variables of the sets that have been declared so far are read.
//
// TensorFlow starts the nodes that depend on nothing in the order of a hash table of addresses, which differs between processes. A
// branch of the forward pass beside the backbone, such as a side network, would wait for whichever of its variables comes late, and a
// step's peak would be another in each process. After the reads, the order follows from the graph.
func (b *Builder) AfterReads(x Value, sets ...*Variables) Value {
	var reads []*tf.Operation
	for _, vs := range sets {
		for _, v := range vs.list {
			if v.loaded != nil {
				reads = append(reads, v.loaded)
			}
		}
		for _, d := range vs.derived {
			reads = append(reads, d.loaded)
		}
	}
	return b.In("ready").After(reads...).unary("Identity", x)
}

// Set returns an op that assigns x to v. x has the shape of v.
func (v *Variable) Set(b *Builder, x Value) *tf.Operation { return v.change(b, "AssignVariableOp", x) }

// Add returns an op that adds x to v. x has the shape of v.
func (v *Variable) Add(b *Builder, x Value) *tf.Operation {
	return v.change(b, "AssignAddVariableOp", x)
}

func (v *Variable) change(b *Builder, kind string, x Value) *tf.Operation {
	b = b.In("change/" + v.Name)
	return b.operation(kind, map[string]any{"dtype": v.dtype}, v.handle, b.cast(x, v.dtype).Output)
}

// All returns the variables in order of declaration.
func (vs *Variables) All() []*Variable { return vs.list }

// Lookup finds a variable by name.
func (vs *Variables) Lookup(name string) (*Variable, bool) {
	v, ok := vs.byName[name]
	return v, ok
}

// Bytes is the size of all variables and derived values in bytes, as stored.
func (vs *Variables) Bytes() int64 {
	n := 0
	add := func(dtype tf.DataType, shape []int) {
		size := FP32.Bytes()
		if dtype != tf.Float {
			size = BF16.Bytes()
		}
		n += size * tensor.Size(shape)
	}
	for _, v := range vs.list {
		add(v.dtype, v.Shape)
	}
	for _, d := range vs.derived {
		add(d.value.DataType(), d.value.Shape)
	}
	return int64(n)
}

// Elements is the number of elements of all variables.
func (vs *Variables) Elements() int {
	n := 0
	for _, v := range vs.list {
		n += tensor.Size(v.Shape)
	}
	return n
}

// FillBytes bounds the bytes that one run copies into or out of a session, because the run briefly holds them twice.
const FillBytes = 64 << 20

// Assign sets every variable from values, which must have the same shapes and may hold further names.
func (vs *Variables) Assign(s *Session, values tensor.Map) error {
	return Fill(s, Filling{vs, values})
}

// Filling is a set with the values of its variables.
type Filling struct {
	Variables *Variables
	Values    tensor.Map // may hold further names
}

// Fill sets the variables of several sets as Assign does. It batches variables into few runs: TensorFlow prepares the graph anew for each set
// of targets, so one run per variable would cost 4 to 12 ms each, seconds for a backbone.
//
// A variable keeps the memory of the tensor that it is fed, so values that are deferred are nowhere but in their variables.
func Fill(s *Session, fillings ...Filling) error {
	var feeds []Feed
	var targets []*tf.Operation
	pending := 0 // bytes in feeds
	release := func() {
		for _, f := range feeds {
			Free(f.Value)
		}
		feeds = nil
	}
	defer release()
	flush := func() error {
		defer release()
		if len(targets) == 0 {
			return nil
		}
		if _, err := s.Run(feeds, nil, targets...); err != nil {
			return fmt.Errorf("fill %d variables: %w", len(targets), err)
		}
		targets, pending = nil, 0
		return nil
	}
	for _, f := range fillings {
		for _, v := range f.Variables.list {
			t, err := v.valueIn(f.Values)
			if err == nil {
				if t, err = capi.HoldFloats(t, v.dtype == tf.Bfloat16); err != nil {
					err = fmt.Errorf("tensor %s: %w", v.Name, err)
				}
			}
			if err != nil {
				return err
			}
			feeds = append(feeds, Feed{Output: v.initial, Value: t})
			targets = append(targets, v.assign)
			if pending += 4 * tensor.Size(v.Shape); pending >= FillBytes {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	for _, f := range fillings {
		for _, d := range f.Variables.derived {
			targets = append(targets, d.update)
		}
	}
	return flush()
}

// SHA256 is the hash of all variables, as [tensor.Map.SHA256] of what Read returns. On a CPU it copies no variable.
func (vs *Variables) SHA256(s *Session) (string, error) {
	list := slices.SortedFunc(slices.Values(vs.list), func(a, b *Variable) int { return strings.Compare(a.Name, b.Name) })
	sum := tensor.NewSum()
	for len(list) > 0 {
		var reads []tf.Output
		for size := 0; len(reads) < len(list) && size < FillBytes; {
			v := list[len(reads)]
			read := v.loaded.Output(0)
			if v.dtype == tf.Half {
				read = v.read
			}
			reads = append(reads, read)
			size += 4 * tensor.Size(v.Shape)
		}
		held, err := s.RunHeld(nil, reads)
		if err != nil {
			return "", fmt.Errorf("read %d variables from %s on: %w", len(reads), list[0].Name, err)
		}
		for i, t := range held {
			if err == nil {
				err = sum.Add(list[i].Name, capi.Floats(t))
			}
		}
		Free(held...)
		if err != nil {
			return "", err
		}
		list = list[len(reads):]
	}
	return sum.String(), nil
}

// Read copies all variables out of the session, in few runs like Assign.
func (vs *Variables) Read(s *Session) (tensor.Map, error) {
	values := tensor.Map{}
	for from := 0; from < len(vs.list); {
		var reads []tf.Output
		for size := 0; from+len(reads) < len(vs.list) && size < FillBytes; {
			v := vs.list[from+len(reads)]
			reads = append(reads, v.read)
			size += 4 * tensor.Size(v.Shape)
		}
		got, err := s.Run(nil, reads)
		if err != nil {
			return nil, fmt.Errorf("read %d variables from %s on: %w", len(reads), vs.list[from].Name, err)
		}
		for i, t := range got {
			values[vs.list[from+i].Name] = t
		}
		from += len(reads)
	}
	return values, nil
}
