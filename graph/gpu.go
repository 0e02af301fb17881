package graph

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
)

// GPUChunk is DefaultChunk for a GPU, which needs large products to be busy. It is an estimate: no GPU
// was at hand to measure it on.
const GPUChunk = 8192 * 768

// ChunkValues is how many values a region should work on at a time on the device that TensorFlow will use. It opens a session on
// an empty graph, which may be the one that fixes the number of threads.
func ChunkValues(o SessionOptions) (int, error) {
	s, err := NewSession(tf.NewGraph(), o)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	devices, err := s.Devices()
	if err != nil {
		return 0, fmt.Errorf("list the devices: %w", err)
	}
	for _, d := range devices {
		if d.Type == "GPU" {
			return GPUChunk, nil
		}
	}
	return DefaultChunk, nil
}
