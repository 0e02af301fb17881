package tensor

import (
	"fmt"
	"slices"
	"sync"
)

// Deferred is the data of a tensor of float32 whose elements are read or computed each time they are wanted, so that they take no
// memory in between. Such a tensor can't be changed. Read computes the elements from at to at+len(to)-1.
type Deferred interface {
	Read(at int, to []float32) error
}

// IsFloat tells whether the elements of t are of float32, there or deferred.
func (t Tensor) IsFloat() bool {
	switch t.Data.(type) {
	case []float32, Deferred:
		return true
	}
	return false
}

// IsDeferred tells whether the elements of t are not in memory.
func (t Tensor) IsDeferred() bool {
	_, ok := t.Data.(Deferred)
	return ok
}

// Read copies the elements from at to at+len(to)-1 of a tensor of float32.
func (t Tensor) Read(at int, to []float32) error {
	switch data := t.Data.(type) {
	case []float32:
		copy(to, data[at:at+len(to)])
		return nil
	case Deferred:
		return data.Read(at, to)
	}
	return fmt.Errorf("a tensor of %T has no elements of float32", t.Data)
}

// Whole is Deferred data that is read fastest all at once, since each Read of a part computes the rest too.
type Whole interface {
	Deferred
	Whole() bool
}

func (t Tensor) whole() bool {
	w, ok := t.Data.(Whole)
	return ok && w.Whole()
}

// Pieces calls use with the elements of a tensor of float32 in order, as many at a time as are read fast. use must not keep a piece.
func (t Tensor) Pieces(use func(piece []float32)) error {
	n := Size(t.Shape)
	if !t.IsDeferred() {
		use(t.Float32())
		return nil
	}
	each := n
	if !t.whole() {
		each = min(n, stripElements)
	}
	piece := pool.Get().(*[]float32)
	defer pool.Put(piece)
	*piece = grown(*piece, each)
	for at := 0; at < n; at += each {
		part := (*piece)[:min(each, n-at)]
		if err := t.Read(at, part); err != nil {
			return err
		}
		use(part)
	}
	return nil
}

// ReadRounded reads all elements of a tensor of float32 and rounds them.
func (t Tensor) ReadRounded(to []BFloat16) error {
	if r, ok := t.Data.(rounder); ok {
		return r.readRounded(to)
	}
	return t.Pieces(func(piece []float32) {
		roundAll(to, piece)
		to = to[len(piece):]
	})
}

// rounder is Deferred data that rounds piece by piece though it is read fastest all at once.
type rounder interface{ readRounded(to []BFloat16) error }

func roundAll(to []BFloat16, values []float32) {
	to = to[:len(values)]
	for i, v := range values {
		to[i] = RoundBFloat16(v)
	}
}

// grown is s with n elements, or another slice if its memory does not suffice.
func grown(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

// Load returns t with its elements in memory. It copies none that are there.
func (t Tensor) Load() (Tensor, error) {
	if !t.IsDeferred() {
		return t, nil
	}
	out := Zeros(t.Shape...)
	return out, t.Read(0, out.Float32())
}

// Load returns the set with all elements in memory.
func (m Map) Load() (Map, error) {
	out := make(Map, len(m))
	for name, t := range m {
		loaded, err := t.Load()
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		out[name] = loaded
	}
	return out, nil
}

// Reshape is a tensor of float32 under another shape of the same size, without a copy. It panics if the sizes differ.
func Reshape(t Tensor, shape ...int) Tensor { return Span(t, 0, shape...) }

// Span is the elements of a tensor of float32 from at on, as many as shape has, without a copy. It panics if t has fewer.
func Span(t Tensor, at int, shape ...int) Tensor {
	n := Size(shape)
	if !t.IsDeferred() {
		return Must(t.Float32()[at:at+n:at+n], shape...)
	}
	switch have := Size(t.Shape); {
	case at < 0 || at+n > have:
		panic(fmt.Sprintf("tensor: %d elements from %d on of a tensor that has %d", n, at, have))
	case n == have:
		return Tensor{Shape: slices.Clone(shape), Data: t.Data}
	}
	return Tensor{Shape: slices.Clone(shape), Data: span{t, at}}
}

type span struct {
	of Tensor
	at int
}

func (s span) Whole() bool { return s.of.whole() }

func (s span) Read(at int, to []float32) error { return s.of.Read(s.at+at, to) }

// Concat is the elements of tensors of float32 one after the other, as a tensor of the given shape. It panics if its size is another.
func Concat(shape []int, parts ...Tensor) Tensor {
	total := 0
	for _, t := range parts {
		total += Size(t.Shape)
	}
	if total != Size(shape) {
		panic(fmt.Sprintf("tensor: shape %v for %d elements", shape, total))
	}
	if slices.ContainsFunc(parts, Tensor.IsDeferred) {
		return Tensor{Shape: slices.Clone(shape), Data: joined(parts)}
	}
	all := make([]float32, 0, total)
	for _, t := range parts {
		all = append(all, t.Float32()...)
	}
	return Must(all, shape...)
}

type joined []Tensor

func (j joined) Whole() bool { return slices.ContainsFunc(j, Tensor.whole) }

func (j joined) Read(at int, to []float32) error {
	for _, t := range j {
		size := Size(t.Shape)
		if at < size && len(to) > 0 {
			n := min(size-at, len(to))
			if err := t.Read(at, to[:n]); err != nil {
				return err
			}
			to, at = to[n:], at+n
		}
		at -= size
	}
	return nil
}

// Compute is the tensor of float32 of the given shape that compute makes of others, in their order. If one of them is deferred, so is the result:
// compute then runs whenever the elements are wanted. compute must not change its inputs.
func Compute(compute func(in ...Tensor) Tensor, shape []int, in ...Tensor) Tensor {
	if !slices.ContainsFunc(in, Tensor.IsDeferred) {
		return compute(in...)
	}
	return Tensor{Shape: slices.Clone(shape), Data: computed{compute, in}}
}

type computed struct {
	compute func(in ...Tensor) Tensor
	in      []Tensor
}

func (c computed) Whole() bool { return true }

func (c computed) Read(at int, to []float32) error {
	in := make([]Tensor, len(c.in))
	for i, t := range c.in {
		var err error
		if in[i], err = t.Load(); err != nil {
			return err
		}
	}
	copy(to, c.compute(in...).Float32()[at:])
	return nil
}

// transposed is the transpose of a matrix [rows, cols].
type transposed struct {
	of         Tensor
	rows, cols int
}

// stripElements is about the number of elements of the original that transposed reads at a time: few beside a kernel of a backbone.
const stripElements = 1 << 18

// strips holds memory for strips, and pool for pieces, which may be as large as a kernel.
var (
	strips = sync.Pool{New: func() any { return new([]float32) }}
	pool   = sync.Pool{New: func() any { return new([]float32) }}
)

func (t transposed) Whole() bool { return true }

func (t transposed) Read(at int, to []float32) error {
	if at != 0 || len(to) != t.rows*t.cols {
		all := make([]float32, t.rows*t.cols)
		if err := t.Read(0, all); err != nil {
			return err
		}
		copy(to, all[at:])
		return nil
	}
	return t.strips(func(row, n int, strip []float32) { transposeAll(strip, to[row:], n, t.cols, t.rows) })
}

func (t transposed) readRounded(to []BFloat16) error {
	held := strips.Get().(*[]float32)
	defer strips.Put(held)
	return t.strips(func(row, n int, strip []float32) {
		*held = grown(*held, len(strip))
		transposeAll(strip, *held, n, t.cols, n)
		for column := range t.cols {
			roundAll(to[column*t.rows+row:][:n], (*held)[column*n:][:n])
		}
	})
}

// strips calls use with some rows of the original at a time: n from row on.
func (t transposed) strips(use func(row, n int, strip []float32)) error {
	if t.rows*t.cols == 0 {
		return nil
	}
	each := max(lanes, stripElements/t.cols/lanes*lanes)
	held := strips.Get().(*[]float32)
	defer strips.Put(held)
	*held = grown(*held, min(each, t.rows)*t.cols)
	for row := 0; row < t.rows; row += each {
		n := min(each, t.rows-row)
		strip := (*held)[:n*t.cols]
		if err := t.of.Read(row*t.cols, strip); err != nil {
			return err
		}
		use(row, n, strip)
	}
	return nil
}
