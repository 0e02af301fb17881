package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"dtl-tf/graph/memory"
	"dtl-tf/runner"
	"dtl-tf/runner/report"
)

// childVariable makes the test binary a child: "real" measures, "fake" answers with made-up figures, and
// "fake METHOD=MODE" lets one method fail.
const childVariable = "DTL_TEST_COMPARE_CHILD"

func TestMain(m *testing.M) {
	mode, isChild := os.LookupEnv(childVariable)
	switch {
	case !isChild:
		os.Exit(m.Run())
	case mode == "real":
		if err := Child(os.Stdin, os.Stdout, func() { os.Exit(1) }); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		fakeChild(strings.TrimPrefix(mode, "fake "))
	}
}

func fakeChild(failure string) {
	var r request
	if err := json.NewDecoder(os.Stdin).Decode(&r); err != nil {
		panic(err)
	}
	send := func(m message) { _ = json.NewEncoder(os.Stdout).Encode(m) }
	method, how, _ := strings.Cut(failure, "=")
	if method == r.Method {
		switch how {
		case "killed":
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		case "allocator":
			send(message{Error: "training step 0: OOM when allocating tensor with shape[8,12,197,197] on CPU\nmore"})
		case "aborted":
			fmt.Fprintln(os.Stderr, "terminate called after throwing an instance of 'std::bad_alloc'\nstack\nstack")
			os.Exit(134)
		case "refused":
			send(message{Error: "--prompts 50 is not possible"})
		case "silent":
		}
		return
	}
	m := fakeMeasurement(len(r.Method))
	fmt.Println("a library that prints")
	send(message{What: "training", Count: 1})
	send(message{Row: &Row{Method: r.Method, Measurement: &m}})
}

// fakeMeasurement makes figures that grow with n.
func fakeMeasurement(n int) Measurement {
	size := int64(n) << 20
	return Measurement{
		Trainable: 1000 * n, Classifier: 39, Weights: 10 * size, Optimizer: 2 * size, Peak: 4 * size, AtMost: 4 * size, Total: 16 * size,
		Activations: 3 * size, Gradients: 2 * size, SecondsPerStep: float64(n), Spread: Spread{Min: 0.5, Max: 20, Count: 5},
		TrainRate: 3, InferRate: 9, Device: "CPU",
		Breakdown: []memory.Group{{Buffer: memory.Buffer{Node: "train/block_*/mlp/gelu/Mul", Op: "Mul", Kind: memory.Activation, Type: "float", Shape: []int{4, 17, 48}, Bytes: size / 4}, Count: 4}},
	}
}

// starter starts children of a mode and counts them.
func starter(mode string, count *int) Starter {
	return func(ctx context.Context) *exec.Cmd {
		*count++
		c := exec.CommandContext(ctx, os.Args[0])
		c.Env = append(os.Environ(), childVariable+"="+mode)
		return c
	}
}

// tiny is an architecture whose steps take milliseconds.
const tiny = "vit:image=16,patch=4,width=12,depth=4,heads=2,mlp=48"

// config is a valid configuration that keeps its rows in a folder of the test.
func config(t *testing.T) Config {
	t.Helper()
	return Config{
		BackboneConfig: runner.BackboneConfig{Path: tiny}, StepConfig: runner.StepConfig{Batch: 4, Precision: "fp32", Recompute: "none", Threads: 2}, Methods: "full,linear,dtl", Classes: 3,
		Steps: 2, Format: report.JSON, Out: t.TempDir(),
	}
}

// outcome is what a call printed and how many children it started.
type outcome struct {
	out, err string
	children int
	failed   error
}

func call(t *testing.T, c Config, mode string) outcome {
	t.Helper()
	var out, log bytes.Buffer
	var o outcome
	o.failed = Run(context.Background(), c, runner.UI{Out: &out, Err: &log, Version: "test"}, starter(mode, &o.children))
	o.out, o.err = out.String(), log.String()
	return o
}

// parsed reads the JSON of a call that succeeded.
func (o outcome) parsed(t *testing.T) Comparison {
	t.Helper()
	if o.failed != nil {
		t.Fatal(o.failed)
	}
	var c Comparison
	if err := json.Unmarshal([]byte(o.out), &c); err != nil {
		t.Fatalf("%v in %s", err, o.out)
	}
	return c
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in:\n%s", p, text)
		}
	}
}
