package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/capi"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/machine"
)

// cudaLibraries are what the CUDA build of libtensorflow 2.18 opens before it registers a GPU (TensorFlow's gpu_init and dso_loader).
var cudaLibraries = []string{
	"libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12", "libcufft.so.11", "libcusolver.so.11", "libcusparse.so.12", "libcudnn.so.9",
}

// gpuRows adds the rows on GPUs to the table and returns advice. found is the number of GPUs that TensorFlow sees.
func gpuRows(row func(string, string, ...any), found int) (advice []string) {
	cards, cuda := machine.Cards(), capi.CUDABuild()
	name := "GPU"
	for _, c := range cards {
		row(name, "%s", c)
		name = ""
	}
	if len(cards) == 0 {
		row(name, "none found")
	}
	switch {
	case found > 0:
		loaded, _ := splitLibraries()
		for _, l := range loaded {
			row("", "%s", l)
		}
		if missing := machine.MissingForXLA(); missing != "" {
			advice = append(advice, "XLA is not available, which makes steps several times slower: "+missing+".")
		} else {
			row("", "XLA is available")
		}
		took, err := multiply()
		if err != nil {
			return append(advice, "The GPU does not compute: "+err.Error()+".")
		}
		row("", "a product of 1024 x 1024 matrices is right and takes %.2g ms", took.Seconds()*1e3)
	case len(cards) > 0 && cuda:
		_, missing := splitLibraries()
		advice = append(advice, fmt.Sprintf("There is an NVIDIA GPU, but TensorFlow does not use it. Not loaded: %s. docs/gpu.md says where TensorFlow looks for them.", strings.Join(missing, ", ")))
	case len(cards) > 0:
		advice = append(advice, "There is an NVIDIA GPU, but this libtensorflow is built for processors: build with 'make clean && GPU=1 make build'.")
	case cuda:
		row("", "TensorFlow's CUDA build runs on the processor")
	}
	return advice
}

// splitLibraries returns the paths of the CUDA libraries that this process has loaded and the names of the others. A library that stands in
// under another name, by a link, counts as loaded under the name that it has in the file system.
func splitLibraries() (loaded, missing []string) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil, []string{"unknown, this system does not tell"}
	}
	return splitMaps(string(maps))
}

func splitMaps(maps string) (loaded, missing []string) {
	for _, name := range cudaLibraries {
		stem, _, _ := strings.Cut(name, ".so")
		path := ""
		for line := range strings.Lines(maps) {
			if fields := strings.Fields(line); len(fields) >= 6 && strings.HasPrefix(filepath.Base(fields[5]), stem+".so") {
				path = fields[5]
			}
		}
		if path == "" {
			missing = append(missing, name)
		} else if !slices.Contains(loaded, path) {
			loaded = append(loaded, path)
		}
	}
	return loaded, missing
}

// multiply has TensorFlow multiply two matrices of ones, which it places on a GPU if there is one, and checks the result.
func multiply() (took time.Duration, err error) {
	defer graph.Catch(&err)
	const side = 1024
	b := graph.New(graph.RecomputeNone)
	x := b.Placeholder("x", tf.Float, side, side)
	y := b.Linear(x, x, graph.Value{})
	s, err := graph.NewSession(b.Graph(), graph.SessionOptions{})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	ones := tensor.Zeros(side, side)
	for i := range ones.Float32() {
		ones.Float32()[i] = 1
	}
	for range 2 { // the first run loads the kernels
		begun := time.Now()
		out, err := s.Run([]graph.Feed{{Output: x.Output, Value: ones}}, []tf.Output{y.Output})
		if err != nil {
			return 0, err
		}
		took = time.Since(begun)
		if i := slices.IndexFunc(out[0].Float32(), func(v float32) bool { return v != side }); i >= 0 {
			return 0, fmt.Errorf("element %d of a product is %v instead of %d", i, out[0].Float32()[i], side)
		}
	}
	return took, nil
}
