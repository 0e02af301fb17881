package graph

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"dtl-tf/graph/capi"
	"dtl-tf/graph/need"
)

// TestForXLAWithoutXLA checks that the separation changes no bit of a result where XLA does not compile the graph, whole or in chunks.
func TestForXLAWithoutXLA(t *testing.T) {
	needProcessor(t)
	for _, c := range []struct {
		mode            Recompute
		chunk, barriers int
	}{
		{RecomputeNone, 1000 * regionChunkValues, 0}, // the scale is trained inside, so nothing is recomputed
		{RecomputeActivations, 1000 * regionChunkValues, 1},
		{RecomputeBlocks, regionChunkValues, 3},
	} {
		plain := evaluate(t, regionCase, New(c.mode).Chunk(c.chunk))
		b := New(c.mode).Chunk(c.chunk).ForXLA()
		if got := evaluate(t, regionCase, b); !reflect.DeepEqual(got, plain) {
			t.Errorf("mode %s, chunks of %d values: %v, without ForXLA %v", c.mode, c.chunk, got, plain)
		}
		if n := barriers(b); n != c.barriers {
			t.Errorf("mode %s, chunks of %d values: %d barriers, want %d", c.mode, c.chunk, n, c.barriers)
		}
	}
}

// needProcessor skips a test on a GPU: there the op compiles its kernel with CUDA's compiler, which may be missing, and XLA has another pipeline.
func needProcessor(t *testing.T) {
	t.Helper()
	device, err := FindDevice(SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	need.That(t, device == Processor, "for processors only")
}

func barriers(b *Builder) (n int) {
	for _, op := range b.Graph().Operations() {
		if op.Type() == "XlaOptimizationBarrier" {
			n++
		}
	}
	return n
}

// The MLPs that TestForXLA compiles.
const (
	xlaBlocks, xlaSamples, xlaRows, xlaWidth = 6, 4, 16, 32
	xlaHidden                                = 4 * xlaWidth
)

// TestForXLA compiles residual MLPs with XLA for the processor and reads from its plan of buffers how many bytes the regions' backward pass
// takes. Joined, XLA keeps at least one hidden value per block. Separated, it keeps each block's input, and the values of one block at a
// time: hidden layer, GELU, and a gradient with the factors that it consists of.
//
// XLA's pipeline for processors drops barriers early and then looks for common expressions again, unlike that for GPUs, where
// they last until the ops are in their final order. The test turns that pass off.
func TestForXLA(t *testing.T) {
	const child = "DTL_TEST_XLA_CHILD"
	if which := os.Getenv(child); which != "" {
		gradient := xlaGradient(t, which == "separated")
		out, _ := json.Marshal(gradient)
		fmt.Printf("gradient %s\n", out)
		return
	}
	run := func(which string) (gradient []float32, temporary int) {
		dump := t.TempDir()
		command := exec.Command(os.Args[0], "-test.run=^TestForXLA$", "-test.v")
		command.Env = append(os.Environ(), child+"="+which, "TF_XLA_FLAGS=--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit", "TF_ENABLE_ONEDNN_OPTS=0",
			"XLA_FLAGS=--xla_disable_hlo_passes=cse_barrier_expander --xla_backend_optimization_level=1 --xla_dump_to="+dump)
		out, err := command.CombinedOutput()
		found := regexp.MustCompile(`(?m)^gradient (.*)$`).FindSubmatch(out)
		if err != nil || found == nil {
			t.Fatalf("%s: %v\n%s", which, err, out)
		}
		if err := json.Unmarshal(found[1], &gradient); err != nil {
			t.Fatal(err)
		}
		plans, err := filepath.Glob(filepath.Join(dump, "*buffer-assignment.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for _, plan := range plans {
			text, err := os.ReadFile(plan)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`size (\d+), preallocated-temp`).FindAllSubmatch(text, -1) {
				size, _ := strconv.Atoi(string(m[1]))
				temporary += size
			}
		}
		return gradient, temporary
	}
	needProcessor(t)
	plain := xlaGradient(t, false)
	joined, kept := run("joined")
	separated, least := run("separated")
	t.Logf("bytes of temporaries: joined %d, separated %d", kept, least)
	if len(joined) != len(plain) || len(separated) != len(plain) || least == 0 {
		t.Fatalf("%d, %d and %d values of a gradient, %d bytes of temporaries", len(plain), len(joined), len(separated), least)
	}
	const input, hidden = 4 * xlaSamples * xlaRows * xlaWidth, 4 * xlaSamples * xlaRows * xlaHidden
	if kept < xlaBlocks*hidden || least > xlaBlocks*input+5*hidden {
		t.Errorf("bytes of temporaries: joined %d, at least %d expected; separated %d, at most %d expected", kept, xlaBlocks*hidden, least, xlaBlocks*input+5*hidden)
	}
	// Sums of xlaHidden products, in another order, in each of the blocks.
	bound := float64(xlaBlocks*xlaHidden) * unit(FP32)
	for i, want := range plain {
		for how, got := range map[string]float32{"joined": joined[i], "separated": separated[i]} {
			if math.Abs(float64(got-want)) > bound*max(1, math.Abs(float64(want))) {
				t.Fatalf("gradient %d, %s: %v, without XLA %v", i, how, got, want)
			}
		}
	}
}

// xlaGradient returns the gradient of the input of MLPs in regions that recompute everything.
func xlaGradient(t *testing.T, separated bool) []float32 {
	b := New(RecomputeBlocks)
	if separated {
		b.ForXLA()
	}
	random := rand.New(rand.NewPCG(5, 6))
	var feeds []Feed
	feed := func(name string, scale float32, shape ...int) Value {
		in, value := b.Placeholder(name, tf.Float, shape...), normal(random, shape...)
		for i := range value.Float32() {
			value.Float32()[i] *= scale
		}
		feeds = append(feeds, Feed{Output: in.Output, Value: value})
		return in
	}
	x := b.Leaf(feed("x", 1, xlaSamples, xlaRows, xlaWidth))
	y := x
	for i := range xlaBlocks {
		up, down := feed(fmt.Sprint("up", i), 0.1, xlaWidth, xlaHidden), feed(fmt.Sprint("down", i), 0.1, xlaHidden, xlaWidth)
		y = b.Region([]Value{y}, 0, func(b *Builder, in []Value) Value {
			return b.Add(in[0], b.Linear(b.GELU(b.Linear(in[0], up, Value{})), down, Value{}))
		})
	}
	dx := b.Backward(y, feed("dy", 1, y.Shape...), []Value{x})[0]
	config := SessionOptions{}.config()
	config.GraphOptions.RewriteOptions.Remapping = pb.RewriterConfig_OFF // its fused ops are unknown to XLA
	options, err := marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	s, err := capi.NewSession(b.Graph(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	values, err := s.Run(feeds, []tf.Output{dx.Output}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return values[0].Float32()
}
