// Package capi extends graft, the Go binding of TensorFlow, by what only C can do. It and package process below it are the
// only places with cgo and unsafe.
//
// It runs graft sessions with tensors whose C memory is freed as soon as the run ends (graft leaves that to finalizers: 60
// batches of images took a process from 0.2 to 1.4 GB), it returns the RunMetadata that graft's Session.Run discards, and it
// adds this program's own kernels to TensorFlow.
//
// graft does not export its C pointers, so this package reads them as the first word of graft's structs. go.mod pins the
// version of graft, and CheckGraft compares the structs before any is read.
package capi

/*
#cgo CFLAGS: -Wno-attributes
#include <stdlib.h>
#include <string.h>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// Feed is an input of a run: a placeholder and its value.
type Feed struct {
	Output tf.Output
	Value  tensor.Tensor
}

// Run executes the graph once. It copies feeds in and fetched values out, so no C memory outlives
// the call. If trace is not nil, the run is traced at level FULL_TRACE and trace receives the
// serialised RunMetadata. After Close the error is ErrClosed.
func (s *Session) Run(feeds []Feed, fetches []tf.Output, targets []*tf.Operation, trace *[]byte) ([]tensor.Tensor, error) {
	values, err := s.run(feeds, fetches, targets, fullTrace, trace)
	defer deleteTensors(values)
	if err != nil {
		return nil, err
	}
	results := make([]tensor.Tensor, len(values))
	for i, v := range values {
		if results[i], err = fromTensorFlow(v); err != nil {
			return nil, fmt.Errorf("fetch %s: %w", fetches[i].Op.Name(), err)
		}
	}
	return results, nil
}

// RunOptions of a run that returns RunMetadata, serialised.
var (
	fullTrace       = []byte{0x08, 0x03} // trace_level: FULL_TRACE
	partitionGraphs = []byte{0x28, 0x01} // output_partition_graphs: true
)

// Rewritten executes the targets once and returns the serialised RunMetadata with the graphs that TensorFlow executed, one for each
// device: those are the graph after all of TensorFlow's rewriting.
func (s *Session) Rewritten(feeds []Feed, targets []*tf.Operation) ([]byte, error) {
	var metadata []byte
	values, err := s.run(feeds, nil, targets, partitionGraphs, &metadata)
	deleteTensors(values)
	return metadata, err
}

// RunHeld is Run without targets that leaves the fetched values in C memory: each is a tensor of Held data, which the caller frees.
func (s *Session) RunHeld(feeds []Feed, fetches []tf.Output) ([]tensor.Tensor, error) {
	values, err := s.run(feeds, fetches, nil, nil, nil)
	if err != nil {
		deleteTensors(values)
		return nil, err
	}
	results := make([]tensor.Tensor, len(values))
	for i, v := range values {
		results[i] = tensor.Tensor{Shape: shapeOf(v), Data: &Held{v}}
	}
	return results, nil
}

// run executes the graph once and returns the fetched values, which the caller frees. If about is not nil, it receives the
// RunMetadata that runOptions ask for.
func (s *Session) run(feeds []Feed, fetches []tf.Output, targets []*tf.Operation, runOptions []byte, about *[]byte) ([]*C.TF_Tensor, error) {
	s.use.RLock()
	defer s.use.RUnlock()
	if s.session == nil {
		return nil, ErrClosed
	}
	in, inValues, copied, err := newInputs(feeds)
	defer func() { deleteTensors(copied) }()
	if err != nil {
		return nil, err
	}
	out := make([]C.TF_Output, len(fetches))
	for i, f := range fetches {
		out[i] = output(f)
	}
	outValues := make([]*C.TF_Tensor, len(fetches))
	operations := make([]*C.TF_Operation, len(targets))
	for i, t := range targets {
		operations[i] = operation(t)
	}

	var options, metadata *C.TF_Buffer
	if about != nil {
		options = C.TF_NewBufferFromString(unsafe.Pointer(&runOptions[0]), C.size_t(len(runOptions)))
		defer C.TF_DeleteBuffer(options)
		metadata = C.TF_NewBuffer()
		defer C.TF_DeleteBuffer(metadata)
	}
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	C.TF_SessionRun(session(s.session), options,
		first(in), first(inValues), C.int(len(in)),
		first(out), first(outValues), C.int(len(out)),
		first(operations), C.int(len(operations)), metadata, status)
	runtime.KeepAlive(feeds)
	runtime.KeepAlive(fetches)
	runtime.KeepAlive(targets)
	if C.TF_GetCode(status) != C.TF_OK {
		return outValues, errors.New(C.GoString(C.TF_Message(status)))
	}
	if about != nil {
		*about = C.GoBytes(metadata.data, C.int(metadata.length))
	}
	return outValues, nil
}

// HasConsumers tells whether a node reads an output of o or has a control dependency on it. It fails only if CheckGraft does.
func HasConsumers(o *tf.Operation) (bool, error) {
	if err := CheckGraft(); err != nil {
		return false, err
	}
	found := C.TF_OperationNumControlOutputs(operation(o)) > 0
	for i := range o.NumOutputs() {
		found = found || len(o.Output(i).Consumers()) > 0
	}
	return found, nil
}

// newInputs returns the inputs of a run, and of their values those that it copied, which are to be freed after the run.
func newInputs(feeds []Feed) (in []C.TF_Output, values, copied []*C.TF_Tensor, err error) {
	for _, f := range feeds {
		held, isHeld := f.Value.Data.(*Held)
		var v *C.TF_Tensor
		if isHeld {
			v, err = held.tensor()
		} else if v, err = toTensorFlow(f.Value); err == nil {
			copied = append(copied, v)
		}
		if err != nil {
			return in, values, copied, fmt.Errorf("feed %s: %w", f.Output.Op.Name(), err)
		}
		in, values = append(in, output(f.Output)), append(values, v)
	}
	return in, values, copied, nil
}

func deleteTensors(values []*C.TF_Tensor) {
	for _, v := range values {
		if v == nil {
			continue
		}
		if C.TF_TensorType(v) == C.TF_STRING { // TF_DeleteTensor does not free the strings' heap memory
			for i := range stringCells(v) {
				C.TF_TString_Dealloc(&stringCells(v)[i])
			}
		}
		C.TF_DeleteTensor(v)
	}
}

func first[T any](s []T) *T {
	if len(s) == 0 {
		return nil
	}
	return &s[0]
}
