package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/capi"
	"dtl-tf/runner/machine"
)

// cudaLibraries are what the CUDA build of libtensorflow 2.18 opens before it registers a GPU (TensorFlow's gpu_init and dso_loader), the
// wheels that have them (scripts/fetch-cuda.sh), and below them what is opened later, for some purposes only.
var cudaLibraries = []struct{ name, wheel, purpose string }{
	{"libcudart.so.12", "nvidia-cuda-runtime-cu12==12.5.82", ""},
	{"libcublas.so.12", "nvidia-cublas-cu12==12.5.3.2", ""},
	{"libcublasLt.so.12", "nvidia-cublas-cu12==12.5.3.2", ""},
	{"libcufft.so.11", "nvidia-cufft-cu12==11.2.3.61", ""},
	{"libcusolver.so.11", "nvidia-cusolver-cu12==11.6.3.83, which needs those of cuBLAS, cuSPARSE and nvidia-nvjitlink-cu12==12.5.82", ""},
	{"libcusparse.so.12", "nvidia-cusparse-cu12==12.5.1.3, which needs nvidia-nvjitlink-cu12==12.5.82", ""},
	{"libcudnn.so.9", "nvidia-cudnn-cu12==9.3.0.75", ""},
	{"libcupti.so.12", "nvidia-cuda-cupti-cu12==12.5.82", "traces of the GPU"},
}

// howToInstall is what to do about missing libraries.
const howToInstall = "GPU=1 CUDA=1 make deps fetches the wheels that docs/gpu.md lists, and link-cuda.sh of a bundle links what this machine has elsewhere"

// libraryRows opens the CUDA libraries as TensorFlow would, adds a row for each, and returns the names of the necessary ones that don't open.
func libraryRows(row func(string, string, ...any)) (missing []string) {
	name := "CUDA libraries"
	for _, l := range cudaLibraries {
		path, err := openLibrary(l.name)
		switch {
		case err == nil:
			row(name, "%s: %s", l.name, path)
		case l.purpose != "":
			row(name, "%s: %v; only for %s (%s)", l.name, err, l.purpose, l.wheel)
		default:
			row(name, "%s: %v; wheel %s", l.name, err, l.wheel)
			missing = append(missing, l.name)
		}
		name = ""
	}
	return missing
}

// openLibrary has TensorFlow open a library through its own loader, with its own run path, and returns the library's path.
func openLibrary(name string) (path string, err error) {
	if _, err := tf.LoadLibrary(name); err != nil {
		_, reason, found := strings.Cut(err.Error(), "error: ")
		if !found {
			reason = err.Error()
		}
		if strings.HasPrefix(reason, name+": cannot open shared object file") {
			reason = "not found"
		}
		return "", fmt.Errorf("%s", reason)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return "found, this system does not tell where", nil
	}
	return pathInMaps(string(maps), name), nil
}

// pathInMaps returns the path of a library that a process has loaded. One that stands in under another name, by a link, has the
// name of the file: libcublas.so.13 for libcublas.so.12.
func pathInMaps(maps, name string) (path string) {
	stem, _, _ := strings.Cut(name, ".so")
	for line := range strings.Lines(maps) {
		if fields := strings.Fields(line); len(fields) >= 6 && strings.HasPrefix(filepath.Base(fields[5]), stem+".so") {
			path = fields[5]
		}
	}
	return path
}

// architectureFile lies beside a libtensorflow that has device code for one GPU architecture only, which it names: "90" is compute
// capability 9.0 (scripts/bundle).
const architectureFile = "gpu-architecture"

// architecture returns the GPU architecture that libtensorflow was reduced to, 0 if it has all.
func architecture() (int, error) {
	file := filepath.Join(filepath.Dir(machine.LibTensorFlow()), architectureFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	arch, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || arch < 10 {
		return 0, fmt.Errorf("%s has %q, want a number such as 90 for compute capability 9.0: unpack the bundle again", file, text)
	}
	return arch, nil
}

// fit fails if a card cannot run the device code of an architecture. Machine code runs on cards of the same major version and the same
// minor version or a later one (CUDA C++ Programming Guide, binary compatibility).
func fit(card capi.Card, arch int) error {
	if arch == 0 || (card.Major == arch/10 && card.Minor >= arch%10) {
		return nil
	}
	return fmt.Errorf("%s has compute capability %d.%d, and this libtensorflow has device code for %d.%d (sm_%d) only: use a bundle made with ARCH=%d%d or without ARCH, or hide the card with CUDA_VISIBLE_DEVICES=-1 to run on the processor",
		card.Name, card.Major, card.Minor, arch/10, arch%10, arch, card.Major, card.Minor)
}
