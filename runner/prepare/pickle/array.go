package pickle

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Array is a numpy array of bytes in C order.
type Array struct {
	Shape []int
	Data  []byte
}

// byteType is numpy's dtype('u1').
type byteType struct{}

// name is a global name.
type name string

const (
	reconstruct name = "numpy.core.multiarray _reconstruct"
	ndarray     name = "numpy ndarray"
	dtype       name = "numpy dtype"
)

// global pushes a name.
func (d *decoder) global() {
	module, class := d.line(), d.line()
	n := name(module + " " + class)
	if !slices.Contains([]name{reconstruct, ndarray, dtype}, n) {
		d.fail("it asks for %s.%s, which is refused: CIFAR's files need numpy arrays only", quoted(module), quoted(class))
	}
	d.push(n)
}

func quoted(s string) string { return strings.Trim(fmt.Sprintf("%q", s), `"`) }

// reduce calls a function. numpy writes an array as _reconstruct(ndarray, (0,), 'b') and a type as dtype('u1', 0, 1); both push
// an empty value that build fills.
func (d *decoder) reduce() {
	items := d.pop(2)
	args, _ := items[1].(tuple)
	switch {
	case items[0] == any(reconstruct) && len(args) == 3 && args[0] == any(ndarray):
		d.push(&Array{})
	case items[0] == any(dtype) && len(args) == 3:
		if kind, _ := args[0].(string); kind != "u1" { // printing any other value may not end, as values may contain themselves
			d.fail("an array is of type %.20q, CIFAR's images are u1", kind)
		}
		d.push(byteType{})
	default:
		d.fail("it makes something else than an array of bytes, which is refused")
	}
}

// build sets the state of the value on top of the stack: of an array (version, shape, type, whether Fortran order, data); of a type
// nothing that matters for single bytes.
func (d *decoder) build() {
	state, _ := d.pop(1)[0].(tuple)
	switch v := d.top().(type) {
	case byteType:
		if state != nil {
			return
		}
	case *Array:
		if len(state) == 5 {
			if err := v.fill(state); err != nil {
				d.fail("%w", err)
			}
			return
		}
	}
	d.fail("it fills something else than an array of bytes, which is refused")
}

func (a *Array) fill(state tuple) error {
	if a.Data != nil {
		return errors.New("an array is filled twice")
	}
	dims, ok := state[1].(tuple)
	if _, bytes := state[2].(byteType); !ok || !bytes || len(dims) == 0 || len(dims) > 4 {
		return errors.New("an array has no shape or type that CIFAR's have")
	}
	if state[3] != any(false) {
		return errors.New("an array is in Fortran order, CIFAR's are in C order")
	}
	total := 1
	for i, dim := range dims {
		n, ok := dim.(int)
		if !ok || n <= 0 || n > math.MaxInt32 || total > math.MaxInt32/n {
			return fmt.Errorf("dimension %d of an array is not one that CIFAR's have", i)
		}
		total *= n
		a.Shape = append(a.Shape, n)
	}
	switch data := state[4].(type) {
	case []byte:
		a.Data = data
	case string:
		a.Data = []byte(data)
	}
	if len(a.Data) != total {
		return fmt.Errorf("an array of shape %v has %d bytes: the pickle is damaged", a.Shape, len(a.Data))
	}
	return nil
}
