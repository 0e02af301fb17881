package machine

import (
	"os"
	"path/filepath"
	"strings"
)

// MissingForXLA says what XLA lacks to compile for a GPU, "" if nothing. XLA needs two parts of NVIDIA's compiler, libdevice and
// ptxas, and looks for them in the places that TensorFlow 2.18's cuda_root_path.cc lists.
func MissingForXLA() string {
	var roots []string
	for option := range strings.FieldsSeq(os.Getenv("XLA_FLAGS")) {
		if root, ok := strings.CutPrefix(option, "--xla_gpu_cuda_data_dir="); ok {
			roots = append(roots, root)
		}
	}
	roots = append(roots, "cuda_sdk_lib")
	if library := LibTensorFlow(); library != "" {
		roots = append(roots, filepath.Join(filepath.Dir(library), "../nvidia/cuda_nvcc"))
	}
	return missingForXLA(append(roots, "/usr/local/cuda-12.5", "/usr/local/cuda"))
}

func missingForXLA(roots []string) string {
	find := func(path string) bool {
		for _, root := range roots {
			if _, err := os.Stat(filepath.Join(root, path)); err == nil {
				return true
			}
		}
		return false
	}
	for _, path := range []string{"nvvm/libdevice/libdevice.10.bc", "bin/ptxas"} {
		if !find(path) {
			return path + " of CUDA's compiler is in none of " + strings.Join(roots, ", ") + ": install nvidia-cuda-nvcc-cu12 or name CUDA's folder with XLA_FLAGS=--xla_gpu_cuda_data_dir=FOLDER"
		}
	}
	return ""
}
