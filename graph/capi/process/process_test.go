package process_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/capi"
	_ "dtl-tf/graph/capi/process"
	"dtl-tf/graph/need"
)

// TestDefaults runs the test binary again and checks which environment the process has once TensorFlow is loaded.
func TestDefaults(t *testing.T) {
	const child = "DTL_TEST_DEFAULTS_CHILD"
	if os.Getenv(child) != "" {
		fmt.Printf("found: %s level %s\n", capi.FindOneDNN(), os.Getenv("TF_CPP_MIN_LOG_LEVEL"))
		return
	}
	need.That(t, runtime.GOOS == "linux" && runtime.GOARCH == "amd64", "defaults exist on Linux on x86-64 only")
	ours := []string{"TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "DTL_TF_SET", "TF_CPP_MIN_LOG_LEVEL"}
	clean := slices.DeleteFunc(os.Environ(), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.Contains(ours, name)
	})
	for _, c := range []struct {
		set  []string
		want string
	}{
		{nil, "{on dtl-tf } level 2"},
		{[]string{"TF_CPP_MIN_LOG_LEVEL=3"}, "{on dtl-tf } level 3"},
		{[]string{"TF_ENABLE_ONEDNN_OPTS=1"}, "{on environment } level 2"},
		{[]string{"TF_ENABLE_ONEDNN_OPTS=0", "TF_CPP_MIN_LOG_LEVEL=1"}, "{off environment } level 1"},
		{[]string{"TF_ENABLE_ONEDNN_OPTS=0", "DTL_TF_SET=TF_ENABLE_ONEDNN_OPTS="}, "{off environment } level 2"},
		{[]string{"ONEDNN_MAX_CPU_ISA=AVX512_CORE"}, "{on dtl-tf AVX512_CORE} level 2"},
	} {
		command := exec.Command(os.Args[0], "-test.run=^TestDefaults$", "-test.v")
		command.Env = append(slices.Clone(clean), append(c.set, child+"=1")...)
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "found: "+c.want+"\n") {
			t.Errorf("with %v: want %s, got %v and\n%s", c.set, c.want, err, out)
		}
	}
}

// TestHeld checks that of what libraries print to stderr while they are loaded, only the known noise is dropped. A preloaded library
// stands in for TensorFlow's CUDA build.
func TestHeld(t *testing.T) {
	const child = "DTL_TEST_HELD_CHILD"
	if os.Getenv(child) != "" {
		fmt.Fprintln(os.Stderr, "of Go")
		return
	}
	need.That(t, runtime.GOOS == "linux" && runtime.GOARCH == "amd64", "stderr is held on Linux only")
	compiler, err := exec.LookPath("cc")
	need.That(t, err == nil, "no C compiler")
	library := filepath.Join(t.TempDir(), "noisy.so")
	compile := exec.Command(compiler, "-shared", "-fPIC", "-x", "c", "-o", library, "-")
	compile.Stdin = strings.NewReader(`#include <unistd.h>
__attribute__((constructor)) static void print(void) {
	static const char text[] = "kept\nE0000 cuda_dnn.cc:8310] Unable to register cuDNN factory: twice\n"
		"I0000 port.cc:153] oneDNN custom operations are on. You may see slightly different numerical results due to rounding\n"
		"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\nkept too\n";
	if (write(2, text, sizeof text - 1) < 0) _exit(9);
}`)
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	command := exec.Command(os.Args[0], "-test.run=^TestHeld$")
	command.Env = append(os.Environ(), child+"=1", "LD_PRELOAD="+library)
	var said strings.Builder
	command.Stderr = &said
	if err := command.Run(); err != nil || !strings.HasPrefix(said.String(), "kept\nkept too\n") || !strings.HasSuffix(said.String(), "of Go\n") ||
		strings.Contains(said.String(), "register") || strings.Contains(said.String(), "oneDNN") {
		t.Errorf("%v, said %q", err, said.String())
	}
}
