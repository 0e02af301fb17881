package savedmodel

import (
	"errors"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// onDisk is deferred data: its elements, or the error of reading them.
type onDisk struct {
	values []float32
	err    error
}

func (d onDisk) Read(at int, to []float32) error {
	copy(to, d.values[at:])
	return d.err
}

// TestFitsHalf: the largest float16 is 65504 (IEEE 754), whether the elements are in memory or in a file.
func TestFitsHalf(t *testing.T) {
	at := func(data any) tensor.Map { return tensor.Map{"w": {Shape: []int{2}, Data: data}} }
	expect.NoError(t, fitsHalf(at([]float32{65504, -65504})))
	expect.NoError(t, fitsHalf(at(onDisk{[]float32{65504, -65504}, nil})))
	expect.Error(t, fitsHalf(at([]float32{0, -65536})), "tensor w holds -65536, float16 ends at 65504")
	expect.Error(t, fitsHalf(at(onDisk{[]float32{0, 65536}, nil})), "tensor w holds 65536, float16 ends at 65504")
	expect.Error(t, fitsHalf(at(onDisk{make([]float32, 2), errors.New("the disk is gone")})), "tensor w: ", "the disk is gone")
}
