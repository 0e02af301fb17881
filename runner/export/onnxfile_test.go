package export

import (
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/onnx"
	"dtl-tf/graph/tensor"
)

// TestONNXFiles: the weights go to a second file if one file would exceed the limit of protocol buffers, and only then. The large
// constant has the shape of one that is too large, but not its elements.
func TestONNXFiles(t *testing.T) {
	for _, c := range []struct {
		elements int
		files    int
	}{{1 << 29, 2}, {1<<29 - 1<<10, 1}} {
		dir := t.TempDir()
		m := &onnx.Model{Name: "m", Constants: []onnx.Constant{{Name: "w", Value: tensor.Tensor{Shape: []int{c.elements}, Data: []float32{1, 2, 3}}}}}
		_, err := ONNXConfig{Out: filepath.Join(dir, "m.onnx")}.save(m, t.Logf)
		expect.NoError(t, err)
		entries, err := os.ReadDir(dir)
		expect.NoError(t, err)
		if len(entries) != c.files || entries[0].Name() != "m.onnx" {
			t.Errorf("%d elements: %v", c.elements, entries)
		}
	}
}
