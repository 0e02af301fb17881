package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/capi"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/report"
)

// oldestCUDA is the version of CUDA that the driver must run, of the libraries that TensorFlow 2.18 is built with.
const oldestCUDA = 12

// gpuRows adds the rows on GPUs to the table and returns advice on them. found is the number of GPUs that TensorFlow sees. It fails if
// libtensorflow cannot work on one of the cards.
func gpuRows(row func(string, string, ...any), found int) (advice []string, err error) {
	driver, noDriver := capi.FindDriver()
	cuda := capi.CUDABuild()
	there := cardRows(row, driver, noDriver, cuda)
	if !cuda {
		if there {
			advice = append(advice, "There is an NVIDIA GPU, but this libtensorflow is built for processors: build with 'GPU=1 make build'.")
		}
		return advice, nil
	}

	missing := libraryRows(row)
	arch, err := architecture()
	if err != nil {
		return append(advice, err.Error()+"."), err
	}
	if arch > 0 {
		row("device code", "for compute capability %d.%d only (sm_%d)", arch/10, arch%10, arch)
	}
	if !there {
		row("", "without a GPU, TensorFlow's CUDA build runs on the processor")
		return advice, nil
	}
	if noDriver != nil {
		advice = append(advice, fmt.Sprintf("The card is there, but %v.", noDriver))
	} else if tooOld(driver) {
		advice = append(advice, fmt.Sprintf("The NVIDIA driver runs CUDA up to %s, TensorFlow needs %d: install driver 525.60 or later.", driver.CUDA, oldestCUDA))
	}
	for _, c := range driver.Cards {
		if err := fit(c, arch); err != nil {
			return append(advice, err.Error()+"."), err
		}
	}
	if found == 0 {
		return append(advice, unused(missing)), nil
	}
	if missing := machine.MissingForXLA(); missing != "" {
		advice = append(advice, "XLA is not available, which makes steps several times slower: "+missing+".")
	} else {
		row("", "XLA is available")
	}
	took, err := multiply()
	if err != nil {
		return append(advice, "The GPU does not compute: "+err.Error()+"."), err
	}
	row("", "a product of 1024 x 1024 matrices is right and takes %.2g ms", took.Seconds()*1e3)
	return advice, nil
}

// cardRows adds a row for each card, or one that says why none was found, and tells whether there are some. noDriver is why the driver was not
// found. Only a CUDA build uses it.
func cardRows(row func(string, string, ...any), driver capi.Driver, noDriver error, cuda bool) (there bool) {
	cards := machine.Cards() // nvidia-smi also knows how much memory is free
	if len(cards) == 0 {
		for _, c := range driver.Cards {
			cards = append(cards, fmt.Sprintf("%s, compute capability %d.%d, %s, driver for CUDA up to %s", c.Name, c.Major, c.Minor, report.GiB(c.Bytes), driver.CUDA))
		}
	}
	name := "GPU"
	for _, c := range cards {
		row(name, "%s", c)
		name = ""
	}
	switch {
	case len(cards) > 0:
	case noDriver != nil && cuda:
		row(name, "none found: %v", noDriver)
	default:
		row(name, "none found")
	}
	return len(cards) > 0
}

// tooOld tells whether the driver runs no CUDA as new as TensorFlow's.
func tooOld(driver capi.Driver) bool {
	major, _, _ := strings.Cut(driver.CUDA, ".")
	n, err := strconv.Atoi(major)
	return err == nil && n < oldestCUDA
}

// unused says why TensorFlow uses no GPU, though there is one. missing are the libraries that it does not find.
func unused(missing []string) string {
	if len(missing) > 0 {
		return fmt.Sprintf("There is an NVIDIA GPU, but TensorFlow does not use it, because it does not find %s: %s.", strings.Join(missing, ", "), howToInstall)
	}
	return "There is an NVIDIA GPU, but TensorFlow does not use it: TF_CPP_MIN_LOG_LEVEL=0 shows why. CUDA_VISIBLE_DEVICES may hide it."
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
