// Package pickle reads the pickles in the Python archives of CIFAR-10 and CIFAR-100, and nothing else: dictionaries,
// lists, tuples, numbers, byte strings and arrays of bytes, as Python 2 writes them in protocol 2.
//
// A pickle is a program that may call anything. Here nothing is called: the only names that are known are the three
// that numpy's arrays of bytes are made of, and every other name and opcode is an error.
package pickle

import (
	"bufio"
	"fmt"
	"io"
)

// Array is a numpy array of bytes in C order.
type Array struct {
	Shape []int
	Data  []byte
}

// limits of what is read. CIFAR's largest array is 50,000 x 3,072; its longest list has 50,000 entries.
const (
	maxMemo  = 1 << 21 // objects that the pickle refers back to; each file name is one
	maxStack = 1 << 21
	// maxString bounds the memory: CIFAR-100's training images are a string of 153,600,000 bytes.
	maxString = 1 << 28
)

// Decode reads one pickle of at most size bytes, the length of the file. The result is made of map[string]any, []any,
// int, string, bool, nil and *Array. Errors tell the place in bytes.
func Decode(r io.Reader, size int64) (value any, err error) {
	d := &decoder{r: bufio.NewReaderSize(io.LimitReader(r, size), 1<<16), left: size, memo: map[uint32]any{}}
	value, err = d.run()
	if err != nil {
		return nil, fmt.Errorf("pickle, at byte %d: %w", d.at, err)
	}
	return value, nil
}

// mark is where the items of a list, tuple or dictionary begin on the stack.
type mark struct{}

// global is a name that a pickle may use.
type global string

const (
	reconstruct global = "numpy.core.multiarray _reconstruct"
	ndarray     global = "numpy ndarray"
	dtype       global = "numpy dtype"
)

// list is a []any that can grow while the memo refers to it.
type list struct{ items []any }

// byteType is numpy's dtype('u1').
type byteType struct{}

type tuple []any

type decoder struct {
	r     *bufio.Reader
	at    int64 // of the opcode
	read  int64
	left  int64
	stack []any
	memo  map[uint32]any
}

func (d *decoder) run() (any, error) {
	for first := true; ; first = false {
		d.at = d.read
		op, err := d.byte()
		if err != nil {
			return nil, err
		}
		if first && op != opProto {
			return nil, fmt.Errorf("not a pickle of protocol 2: it begins with byte %#02x", op)
		}
		if op == opStop {
			if len(d.stack) != 1 {
				return nil, fmt.Errorf("%d values are left over: the pickle is damaged", len(d.stack))
			}
			return plain(d.stack[0])
		}
		if err := d.step(op); err != nil {
			return nil, err
		}
		if len(d.stack) > maxStack || len(d.memo) > maxMemo {
			return nil, fmt.Errorf("it builds more than %d values: this is no file of CIFAR", maxStack)
		}
	}
}

// plainer replaces what only the decoder knows. Lists nest at most once in CIFAR's files; depth and number are limited
// so that a list that contains itself ends.
type plainer struct{ made int }

func plain(v any) (any, error) {
	var p plainer
	return p.at(v, 0)
}

func (p *plainer) at(v any, depth int) (any, error) {
	if p.made++; depth > 4 || p.made > maxStack {
		return nil, fmt.Errorf("its values nest deeper than those of CIFAR")
	}
	var err error
	switch v := v.(type) {
	case *list:
		items := make([]any, len(v.items))
		for i, item := range v.items {
			if items[i], err = p.at(item, depth+1); err != nil {
				return nil, err
			}
		}
		return items, nil
	case map[string]any:
		result := make(map[string]any, len(v))
		for key, item := range v {
			if result[key], err = p.at(item, depth+1); err != nil {
				return nil, err
			}
		}
		return result, nil
	case *Array:
		if v.Data == nil {
			return nil, fmt.Errorf("an array has no data")
		}
		return v, nil
	case int, string, bool, nil:
		return v, nil
	}
	return nil, fmt.Errorf("a value of type %T is none that CIFAR's files have", v)
}
