package graph

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/capi"
)

// Device is a kind of device that a graph is built for.
type Device string

const (
	Processor Device = "cpu"
	GPU       Device = "gpu"
)

// GPUChunk is DefaultChunk for a GPU, which needs large products to be busy. It is an estimate: no GPU
// was at hand to measure it on.
const GPUChunk = 8192 * 768

// For suits what is built from now on to a device: the size of chunks, and on a processor the kernels of package capi, which do
// in one pass over memory what takes TensorFlow many. A graph that was not built for a device runs everywhere, also without this
// program.
func (b *Builder) For(d Device) *Builder {
	if _, err := capi.KernelVariant(); d != GPU && err != nil {
		Fail("%w", err)
	}
	b.chunkValues, b.kernels = DefaultChunk, d.takesKernels()
	if d == GPU {
		b.chunkValues = GPUChunk
	}
	return b
}

// takesKernels tells whether kernels may be used on a device. Where the library is one that takes none, TensorFlow's own ops do
// the work.
func (d Device) takesKernels() bool { return d != GPU && capi.Kernels() == nil }

// KernelsFor names the variant of the kernels in a graph for a device and a precision, "" for a graph without any.
func KernelsFor(d Device, p Precision) string {
	if p != BF16 || !d.takesKernels() {
		return ""
	}
	name, _ := capi.KernelVariant()
	return name
}

// FindDevice is the device that TensorFlow will use. It opens a session on an empty graph, which may be the one that fixes the
// number of threads.
func FindDevice(o SessionOptions) (Device, error) {
	s, err := NewSession(tf.NewGraph(), o)
	if err != nil {
		return "", err
	}
	defer s.Close()
	devices, err := s.Devices()
	if err != nil {
		return "", fmt.Errorf("list the devices: %w", err)
	}
	for _, d := range devices {
		if d.Type == "GPU" {
			return GPU, nil
		}
	}
	return Processor, nil
}

// Computing is what runs on a processor: TensorFlow's products with oneDNN or without, and a variant of our kernels.
type Computing struct {
	OneDNN  capi.OneDNN
	Kernels string // for bfloat16: avx512f, avx2 or plain; "" where the library takes none
}

// HowComputed tells it. It is an error if the environment asks for kernels that are not there.
func HowComputed() (Computing, error) {
	c := Computing{OneDNN: capi.FindOneDNN()}
	name, err := capi.KernelVariant()
	if err == nil && capi.Kernels() == nil {
		c.Kernels = name
	}
	return c, err
}

// hasKernels tells whether there are kernels for what is built. They read and write bfloat16.
func (b *Builder) hasKernels() bool { return b.kernels && b.precision == BF16 }

// fused tells whether there are kernels, and x is of the type that the one in question wants.
func (b *Builder) fused(x Value, want tf.DataType) bool {
	return b.hasKernels() && x.DataType() == want
}
