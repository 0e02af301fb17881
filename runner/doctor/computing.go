package doctor

import (
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/runner"
)

// computingRows adds to doctor's table what computes on the processor, and gives what is wrong with it.
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
	row("kernels", "%s", orNoneString(c.Kernels))
	if err != nil {
		advice = append(advice, err.Error()+".")
	}
	return advice
}
