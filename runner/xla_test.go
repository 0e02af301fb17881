package runner

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph"
)

// TestResolveXLA: XLA runs on a GPU only, by default where its compiler is found, and a demand that can't be met is an error.
func TestResolveXLA(t *testing.T) {
	compiler := t.TempDir()
	for _, name := range []string{"nvvm/libdevice/libdevice.10.bc", "bin/ptxas"} {
		path := filepath.Join(compiler, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("XLA_FLAGS", "--xla_dump_to=x --xla_gpu_cuda_data_dir="+compiler)
	for _, c := range []struct {
		setting string
		device  graph.Device
		want    string
		fails   bool
	}{
		{"", graph.GPU, "", false},
		{XLAAuto, graph.Processor, "", false},
		{XLAOff, graph.GPU, "", false},
		{XLAOff, graph.Processor, "", false},
		{XLAAuto, graph.GPU, XLAOn, false},
		{XLAOn, graph.GPU, XLAOn, false},
		{XLAOn, graph.Processor, "", true},
	} {
		s := StepConfig{XLA: c.setting}
		err := s.ResolveXLA(c.device, func(format string, _ ...any) { t.Errorf("%v: noted %q", c, format) })
		if s.XLA != c.want || (err != nil) != c.fails {
			t.Errorf("%q on %s: %q, %v", c.setting, c.device, s.XLA, err)
		}
		if got := s.SessionOptions().XLA; got != (c.want == XLAOn) {
			t.Errorf("%q on %s: the session has XLA %v", c.setting, c.device, got)
		}
	}
}
