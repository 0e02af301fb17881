// Package doctor reports the libtensorflow, devices, processor and memory of this machine, and its problems.
package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/capi"
	"dtl-tf/runner"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/report"
)

// testedTensorFlow are the versions that tests of graph and dtl pass with (docs/libtensorflow.md has which), the default first.
var testedTensorFlow = []string{"2.18", "2.19", "2.20", "2.21"}

// tested tells whether a version of TensorFlow, such as 2.18.1, is one of those.
func tested(version string) bool {
	return slices.ContainsFunc(testedTensorFlow, func(v string) bool { return version == v || strings.HasPrefix(version, v+".") })
}

// Print writes a table of this machine, and advice on its problems. It fails if the program can't work.
func Print(w io.Writer, version string) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", args...) }
	var advice []string

	row("dtl-tf", "%s (%s, %s/%s)", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	build := "for processors"
	if capi.CUDABuild() {
		build = "for NVIDIA GPUs"
	}
	row("libtensorflow", "%s, built %s", tf.Version(), build)
	row("", "%s", cmp.Or(machine.LibTensorFlow(), "path unknown: this system does not tell"))
	if !tested(tf.Version()) {
		advice = append(advice, fmt.Sprintf("libtensorflow is %s, this program was tested with %s: build it against one of these, such as the one that 'make build' fetches.",
			tf.Version(), strings.Join(testedTensorFlow, ", ")))
	}
	advice = append(advice, graftRow(row)...)
	gpus, err := devices(row)
	if err != nil {
		advice = append(advice, "TensorFlow can't open a session: "+err.Error())
	}

	row("processor", "%s, %d threads", machine.Processor(), runtime.GOMAXPROCS(0))
	if n := runtime.NumCPU(); n != runtime.GOMAXPROCS(0) {
		row("", "(of %d: the limit of a container, or GOMAXPROCS)", n)
	}
	has, lacks := machine.Features()
	const unknown = "none of the known ones"
	row("", "has %s; lacks %s", cmp.Or(strings.Join(has, ", "), unknown), cmp.Or(strings.Join(lacks, ", "), unknown))
	if len(has) > 0 && has[0] != "avx2" {
		advice = append(advice, "The processor has no AVX2: training will be several times slower than elsewhere.")
	}
	advice = append(advice, computingRows(row)...)
	total, free := machine.TotalBytes(), machine.AvailableBytes()
	row("memory", "%s, %s free", gibibytes(total), gibibytes(free))
	if free > 0 && free < 2<<30 {
		advice = append(advice, fmt.Sprintf("Only %s of memory are free: a ViT-B/16 with DTL at batch 8 needs about 2 GiB. Close other programs or choose a smaller --batch.", report.GiB(free)))
	}
	gpuAdvice, gpuErr := gpuRows(row, gpus)
	advice = append(advice, gpuAdvice...)
	err = errors.Join(err, gpuErr)
	if err := t.Flush(); err != nil {
		return err
	}
	if len(advice) == 0 && err == nil {
		_, err := fmt.Fprintln(w, "\nAll is well.")
		return err
	}
	fmt.Fprintln(w, "\nWhat is wrong:")
	for _, a := range advice {
		fmt.Fprintln(w, "- "+a)
	}
	if err != nil {
		return fmt.Errorf("TensorFlow does not work here: %w", err)
	}
	return nil
}

// graftRow adds the row on graft to the table, and returns advice on it.
func graftRow(row func(string, string, ...any)) (advice []string) {
	version, wanted := capi.Graft()
	version = cmp.Or(version, "version unknown: this program does not record it")
	if capi.CheckGraft() != nil { // the error follows, since no session opens
		row("graft", "%s, with other structs than this program reads", version)
		return nil
	}
	row("graft", "%s, with the structs that this program reads", version)
	if !wanted {
		advice = append(advice, "This program was tested with another version of graft: build it with the one that its go.mod requires.")
	}
	return advice
}

// computingRows adds the rows on oneDNN and the kernels to the table, and returns advice on them.
func computingRows(row func(string, string, ...any)) (advice []string) {
	c, err := runner.Computing()
	state := c.OneDNN
	switch c.OneDNNBy {
	case "dtl-tf":
		state += " (TF_ENABLE_ONEDNN_OPTS=1, set by dtl-tf)"
	case "environment":
		state += " (TF_ENABLE_ONEDNN_OPTS in the environment)"
	default:
		state = "as TensorFlow chooses"
	}
	if c.OneDNN == "off" {
		advice = append(advice, "TF_ENABLE_ONEDNN_OPTS in the environment turns oneDNN off: matrix products take longer, in fp32 1.4 times as long with AVX2.")
	}
	if c.Limit != "" {
		state += ", limited to " + c.Limit
		advice = append(advice, fmt.Sprintf("ONEDNN_MAX_CPU_ISA in the environment limits oneDNN to %s: unset it, unless that is to measure something.", c.Limit))
	}
	row("oneDNN", "%s", state)
	for _, p := range []graph.Precision{graph.BF16, graph.FP16} {
		if err := p.Usable(); err != nil {
			advice = append(advice, err.Error()+".")
		}
	}
	row("kernels", "%s", cmp.Or(c.Kernels, "none found"))
	if err != nil {
		advice = append(advice, err.Error()+".")
	}
	return advice
}

// devices prints the devices that TensorFlow finds and counts the GPUs.
func devices(row func(string, string, ...any)) (gpus int, err error) {
	s, err := graph.NewSession(tf.NewGraph(), graph.SessionOptions{})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	list, err := s.Devices()
	if err != nil {
		return 0, err
	}
	name := "devices"
	for _, d := range list {
		row(name, "%s (%s)", d.Name, d.Type)
		name = ""
		if d.Type == "GPU" {
			gpus++
		}
	}
	return gpus, nil
}

func gibibytes(n int64) string {
	if n == 0 {
		return "unknown"
	}
	return report.GiB(n)
}
