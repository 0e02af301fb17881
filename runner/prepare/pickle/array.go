package pickle

import (
	"fmt"
	"math"
)

// reduce replaces "call this with that". numpy writes an array as _reconstruct(ndarray, (0,), 'b') and a type as
// dtype('u1', 0, 1); both give an empty value that build fills.
func (d *decoder) reduce() error {
	items, err := d.pop(2)
	if err != nil {
		return err
	}
	args, ok := items[1].(tuple)
	switch {
	case ok && items[0] == any(reconstruct) && len(args) == 3 && args[0] == any(ndarray):
		d.push(&Array{})
		return nil
	case ok && items[0] == any(dtype) && len(args) == 3:
		if name, _ := args[0].(string); name != "u1" {
			return fmt.Errorf("an array is of type %.20q, CIFAR's images are u1", fmt.Sprint(args[0]))
		}
		d.push(byteType{})
		return nil
	}
	return fmt.Errorf("it makes something else than an array of bytes, which is refused")
}

// build takes the state of the value before it: of an array (version, shape, type, whether Fortran order, data), of a
// type nothing that matters for single bytes.
func (d *decoder) build() error {
	items, err := d.pop(1)
	if err != nil {
		return err
	}
	if len(d.stack) == 0 {
		return errStack
	}
	state, ok := items[0].(tuple)
	switch v := d.stack[len(d.stack)-1].(type) {
	case byteType:
		if ok {
			return nil
		}
	case *Array:
		if ok && len(state) == 5 {
			return v.fill(state)
		}
	}
	return fmt.Errorf("it fills something else than an array of bytes, which is refused")
}

func (a *Array) fill(state tuple) error {
	if a.Data != nil {
		return fmt.Errorf("an array is filled twice")
	}
	dims, ok := state[1].(tuple)
	if _, bytes := state[2].(byteType); !ok || !bytes || len(dims) == 0 || len(dims) > 4 {
		return fmt.Errorf("an array has no shape or type that CIFAR's have")
	}
	if state[3] != any(false) {
		return fmt.Errorf("an array is in Fortran order, CIFAR's are in C order")
	}
	total := 1
	for _, dim := range dims {
		n, ok := dim.(int)
		if !ok || n <= 0 || n > math.MaxInt32 || total > math.MaxInt32/n {
			return fmt.Errorf("an array claims the shape %v", dims)
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
		return fmt.Errorf("an array of shape %v has %d bytes: the pickle is damaged", dims, len(a.Data))
	}
	return nil
}
