package graph

import (
	"fmt"
	"slices"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/capi"
)

// Device is the kind of device that a graph is built for.
type Device string

const (
	Processor Device = "cpu"
	GPU       Device = "gpu"
)

// gpuChunk is the counterpart of DefaultChunk on a GPU, which needs larger products to be fully used. On an H100 a step of DTL at
// batch 32, which fits into one chunk, takes 42 ms and 635 MiB; in chunks of a sixth it takes 59 ms and 331 MiB (docs/gpu.md).
const gpuChunk = 8192 * 768

// For builds everything from now on for one device. It sets the chunk size and, on a CPU, enables the kernels of package capi,
// which do in one pass over memory what takes TensorFlow several. A graph built without For runs on any device, and in any
// program.
func (b *Builder) For(d Device) *Builder {
	if _, err := capi.KernelVariant(); d != GPU && err != nil {
		Fail("%w", err)
	}
	b.chunkValues, b.kernels = DefaultChunk, d.takesKernels()
	b.attends = b.kernels && capi.AttentionPays()
	if d == GPU {
		b.chunkValues = gpuChunk
	}
	return b
}

// takesKernels tells whether the kernels of package capi can be used. If the TensorFlow library does not accept them, its own
// ops do the work.
func (d Device) takesKernels() bool { return d != GPU && capi.RegisterKernels() == nil }

// KernelsFor names the kernel variant in a graph built for that device and precision, "" if such a graph uses no kernels.
func KernelsFor(d Device, p Precision) string {
	if p != BF16 || !d.takesKernels() {
		return ""
	}
	name, _ := capi.KernelVariant()
	return name
}

// ListPlaces lists the devices of a session: those of this process, or with a Target those of its cluster. If it is the first
// session of the process, it fixes the number of threads (see SessionOptions).
func ListPlaces(o SessionOptions) ([]Place, error) {
	s, err := NewSession(tf.NewGraph(), o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	devices, err := s.Devices()
	if err != nil {
		return nil, fmt.Errorf("list the devices: %w", err)
	}
	var list []Place
	for _, d := range devices {
		if d.Type != "CPU" && d.Type != "GPU" {
			continue // XLA's
		}
		task, device, _ := strings.Cut(d.Name, "/device:")
		if strings.HasPrefix(task, "/job:localhost/") {
			task = ""
		}
		list = append(list, Place(strings.Replace(task, "/replica:0", "", 1)+"/device:"+device))
	}
	return list, nil
}

// FindDevice returns the device that TensorFlow will use. It opens a session on an empty graph; if that is the first session
// of the process, it fixes the number of threads (see SessionOptions).
func FindDevice(o SessionOptions) (Device, error) {
	s, err := NewSession(tf.NewGraph(), o)
	if err != nil {
		return "", err
	}
	defer s.Close()
	_, kind, err := s.Device()
	if err != nil {
		return "", err
	}
	if kind == "GPU" {
		return GPU, nil
	}
	return Processor, nil
}

// Computing describes the code that computes on a CPU: TensorFlow's matrix products, with oneDNN or without, and our kernels.
type Computing struct {
	OneDNN  capi.OneDNN
	Kernels string // their variant: avx512f, avx2 or plain; "" if TensorFlow does not accept them
}

// HowComputed returns the Computing of this process. It fails if the environment asks for a kernel variant that does not exist.
func HowComputed() (Computing, error) {
	c := Computing{OneDNN: capi.FindOneDNN()}
	name, err := capi.KernelVariant()
	if err == nil && capi.RegisterKernels() == nil {
		c.Kernels = name
	}
	return c, err
}

// hasKernels tells whether layers may use our kernels for bfloat16.
func (b *Builder) hasKernels() bool { return b.kernels && b.precision == BF16 }

// kernelsOf is the prefix of the names of our kernels in the Builder's precision, "" if there are none, or if a value is not of
// type want.
func (b *Builder) kernelsOf(want tf.DataType, values ...Value) string {
	prefix := map[Precision]string{FP32: "F32", BF16: "Bf16"}[b.precision]
	if !b.kernels || slices.ContainsFunc(values, func(v Value) bool { return v.DataType() != want }) {
		return ""
	}
	return prefix
}

// fused tells whether a layer may use a kernel that takes x as type want.
func (b *Builder) fused(x Value, want tf.DataType) bool {
	return b.hasKernels() && x.DataType() == want
}
