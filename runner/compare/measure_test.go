package compare

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/need"
	"dtl-tf/runner"
)

// TestMeasured measures three methods for real, each in its own process, and holds the counts against arithmetic.
func TestMeasured(t *testing.T) {
	c := config(t)
	c.Methods = "dtl,linear,full" // the table has its own order
	first := call(t, c, "real")
	got := first.parsed(t)
	if len(got.Rows) != 3 || got.Rows[0].Row.Method != "full" || got.Rows[1].Row.Method != "linear" || got.Rows[2].Row.Method != "dtl" {
		t.Fatalf("rows: %s", first.out)
	}
	arch, err := backbone.Parse(tiny)
	if err != nil {
		t.Fatal(err)
	}
	const classifier = 3*12 + 3
	network := backbone.Parameters(arch)
	for _, want := range []struct {
		row                     int
		trainable, all, moments int
	}{
		{0, network, network + classifier, 2 * (network + classifier)},
		{1, 0, network + classifier, 2 * classifier},
		{2, 4 * 2 * 2 * 12, network + 4*2*2*12 + classifier, 2 * (4*2*2*12 + classifier)},
	} {
		r := got.Rows[want.row]
		if r.Measurement == nil {
			t.Fatalf("%s: %+v", r.Row.Method, r.Failure)
		}
		if r.Trainable != want.trainable || r.Classifier != classifier || r.Weights != 4*int64(want.all) || r.Optimizer != 4*int64(want.moments) {
			t.Errorf("%s: %+v, want %+v", r.Row.Method, *r.Measurement, want)
		}
		if r.Peak <= 0 || r.Peak > r.AtMost || r.ActivationsAtPeak+r.GradientsAtPeak != r.Peak || r.Total != r.Weights+r.Optimizer+r.Peak {
			t.Errorf("%s: the bytes do not add up: %+v", r.Row.Method, *r.Measurement)
		}
		if r.SecondsPerStep < r.Spread.Min || r.SecondsPerStep > r.Spread.Max || r.Spread.Count != 2 || r.InferRate <= 0 || r.Device != "CPU" {
			t.Errorf("%s: %+v", r.Row.Method, *r.Measurement)
		}
		if len(r.Measurement.Breakdown) != 0 {
			t.Errorf("%s has a breakdown that was not asked for", r.Row.Method)
		}
	}
	if got.Rows[2].Peak >= got.Rows[0].Peak || got.Rows[0].Ratios.Peak != 1 {
		t.Errorf("dtl holds %d, full %d", got.Rows[2].Peak, got.Rows[0].Peak)
	}
	if s := got.Settings; s.Batch != 4 || s.Classes != 3 || s.ImageSize != 16 || s.Architecture != tiny || s.Precision != "fp32" {
		t.Errorf("settings: %+v", s)
	}

	// Memory is a property of the graph, up to the order of nodes that are ready at once.
	c.Fresh, c.Methods = true, "dtl"
	again := call(t, c, "real").parsed(t)
	if a, b := float64(again.Rows[0].Peak), float64(got.Rows[2].Peak); math.Abs(a-b) > 0.01*b {
		t.Errorf("a second measurement says %v, the first %v", a, b)
	}
	// The frozen kernels, everything of a block but norms and biases, take half the bytes in bf16.
	c.Precision = "bf16"
	half := call(t, c, "real").parsed(t).Rows[0]
	kernels := int64(4*(4*12*12+2*12*48) + 4*4*3*12)
	if half.Weights != got.Rows[2].Weights-2*kernels || half.Optimizer != got.Rows[2].Optimizer {
		t.Errorf("bf16: weights of %d bytes and %d of the optimizer; fp32: %d and %d", half.Weights, half.Optimizer, got.Rows[2].Weights, got.Rows[2].Optimizer)
	}
	if again.Rows[0].Ratios == nil {
		t.Error("the kept row of full fine-tuning was not used for the ratios")
	}
}

// TestEveryMethod is for what is registered, whatever that is.
func TestEveryMethod(t *testing.T) {
	need.Heavy(t, "starts a process for each method")
	c := config(t)
	c.Methods = runner.AllMethods
	for i, r := range call(t, c, "real").parsed(t).Rows {
		if r.Measurement == nil {
			t.Errorf("%s: %s", r.Row.Method, r.Failure.Error)
		}
		if r.Row.Method != dtl.TableOrder()[i] {
			t.Errorf("row %d is %s, want %s", i, r.Row.Method, dtl.TableOrder()[i])
		}
	}
}

// TestPrediction: what steps of one and two images say about one of 24 is what such a step takes.
func TestPrediction(t *testing.T) {
	c := config(t)
	c.Batch = 24
	s, err := c.settings(t.Context(), runner.UI{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	bb, err := load(t.Context(), c.BackboneConfig, 4)
	if err != nil {
		t.Fatal(err)
	}
	r := request{Method: "dtl", Backbone: c.BackboneConfig, Settings: s}
	fixed, peak, err := r.probe(bb, c.Batch)
	if err != nil {
		t.Fatal(err)
	}
	real := fixed + peak
	r.Available = int64(0.7 * real)
	failure, err := predict(r, bb)
	if err != nil || failure == nil {
		t.Fatalf("%.0f bytes have a place in %d: %v", real, r.Available, err)
	}
	if math.Abs(float64(failure.Predicted)-real) > 0.1*real {
		t.Errorf("predicted %d, real %.0f", failure.Predicted, real)
	}
	contains(t, failure.Error, "does not fit", "batch 24 needs about", "--batch")
	r.Available = int64(1.2 * real)
	if failure, err := predict(r, bb); err != nil || failure != nil {
		t.Errorf("%.0f bytes have no place in %d: %+v, %v", real, r.Available, failure, err)
	}
	if plenty := upperBound(bb.Architecture, 3, c.Batch); plenty < real {
		t.Errorf("%.0f are said to be plenty for %.0f", plenty, real)
	}
}

// TestDoesNotFit: such a row says so, with both figures, and is tried again the next time.
func TestDoesNotFit(t *testing.T) {
	testAvailable = 1000
	defer func() { testAvailable = 0 }()
	c := config(t)
	c.Methods = "linear"
	o := call(t, c, "real")
	r := o.parsed(t).Rows[0]
	if r.Measurement != nil || r.Failure == nil || r.Predicted <= 1000 || r.Available != 1000 {
		t.Fatalf("%s", o.out)
	}
	contains(t, o.err, "linear: does not fit into memory")
	if call(t, c, "fake").children != 1 {
		t.Error("a row that did not fit counts as finished")
	}
}

// TestOrder: the paper's methods come in the order of its tables.
func TestOrder(t *testing.T) {
	list := dtl.TableOrder()
	if !slices.Contains(list, "dtl") || slices.Index(list, "full") != 0 || slices.Index(list, "dtl") > slices.Index(list, "dtl+") {
		t.Errorf("%v", list)
	}
	c := config(t)
	c.Methods = " dtl+ , full"
	if got, err := c.methods(); err != nil || strings.Join(got, " ") != "full dtl+" {
		t.Errorf("%v, %v", got, err)
	}
	c.Methods, c.Breakdown = runner.AllMethods, "dtl"
	if got, err := c.methods(); err != nil || strings.Join(got, " ") != "dtl" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestChildAlone: what is not a request is answered with words.
func TestChildAlone(t *testing.T) {
	err := Child(strings.NewReader("--help\n"), os.Stdout, nil)
	if err == nil {
		t.Fatal("no error")
	}
	contains(t, err.Error(), "compare")
	if _, err := measure(request{Method: "dtl", Backbone: runner.BackboneConfig{Path: "vit:image=16"}}, nil); err == nil {
		t.Error("half an architecture was measured")
	}
}

// TestReason: what a library logs before it ends the process is not the reason.
func TestReason(t *testing.T) {
	const reason = "terminate called after throwing an instance of 'std::bad_alloc'"
	for _, before := range []string{
		"",
		"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\nI0000 00:00:1795839431.627523   23123 port.cc:153] oneDNN custom operations are on.\n",
		"2026-11-28 03:11:35.462697: W tensorflow/core/framework/cpu_allocator_impl.cc:82] Allocation exceeds 10% of free system memory.\n",
	} {
		if got := reasonIn(before + reason + "\n  what():  std::bad_alloc\n"); got != reason {
			t.Errorf("%q", got)
		}
	}
	if got := reasonIn("I0000 00:00:1.2 3 port.cc:153] on\n"); got != "it said nothing" {
		t.Errorf("%q", got)
	}
}
