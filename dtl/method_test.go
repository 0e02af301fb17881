package dtl

import (
	"math"
	"math/rand/v2"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// TestMethodErrors: errors for unknown methods and options out of range name what is allowed.
func TestMethodErrors(t *testing.T) {
	for _, c := range []struct {
		method  string
		options Options
		want    []string
	}{
		{"lora++", nil, []string{`"lora++"`, "dtl, dtl+, "}},
		{"", nil, []string{`""`, "dtl"}},
		{"dtl", Options{"rank": "0"}, []string{"rank 0", "1 to 12"}},
		{"dtl", Options{"rank": "13"}, []string{"rank 13", "1 to 12"}},
		{"dtl", Options{"rank": "two"}, []string{"rank", `"two"`}},
		{"dtl", Options{"rank": "1.5"}, []string{"rank", `"1.5"`}},
		{"dtl", Options{"beta": "0"}, []string{"beta 0"}},
		{"dtl", Options{"beta": "-1"}, []string{"beta -1"}},
		{"dtl", Options{"beta": "NaN"}, []string{"beta NaN"}},
		{"dtl", Options{"beta": "Inf"}, []string{"beta +Inf"}},
		{"dtl", Options{"beta": "hot"}, []string{"beta", `"hot"`}},
		{"dtl", Options{"feedback-from": "-1"}, []string{"feedback-from -1", "0 to 3"}},
		{"dtl", Options{"feedback-from": "4"}, []string{"feedback-from 4", "0 to 3"}},
		{"dtl", Options{"kernel": "3"}, []string{"kernel", "dtl"}},
		{"dtl+", Options{"kernel": "0"}, []string{"kernel 0", "1 to 7"}},
		{"dtl+", Options{"kernel": "8"}, []string{"kernel 8", "1 to 7"}},
		{"linear", Options{"rank": "2"}, []string{"rank", "linear"}},
		{"full", Options{"beta": "100"}, []string{"beta", "full"}},
	} {
		_, _, err := newMethod(c.method, c.options, micro)
		expect.Error(t, err, c.want...)
	}
}

// TestValueErrors: values of the wrong type and unknown options are errors, not panics.
func TestValueErrors(t *testing.T) {
	for _, c := range []struct {
		method string
		values Values
		want   string
	}{
		{"dtl", Values{"rank": "2"}, "rank is of the type string, want int"},
		{"dtl", Values{"beta": 100}, "beta is of the type int, want float64"},
		{"noah", Values{"lora-sizes": 3}, "lora-sizes is of the type int, want []int"},
		{"noah", Values{"lora-sizes": []int{}}, "lora-sizes has 0 numbers"},
		{"dtl", Values{"kernel": 3}, "kernel has no meaning for the method dtl"},
	} {
		_, _, err := NewMethod(c.method, c.values, micro)
		expect.Error(t, err, c.want)
	}
}

// TestOptionKinds: reading an option in another kind than the declared one fails at once, whether a user sets it or not.
func TestOptionKinds(t *testing.T) {
	d := Definition{Name: "dummy", Options: []Option{{Name: "whole", Kind: Whole}, {Name: "number", Kind: Number}, {Name: "sizes", Kind: Sizes}}}
	for name, read := range map[string]func(*Reader){
		"whole":   func(r *Reader) { r.Positive("whole", 2) },
		"number":  func(r *Reader) { r.Whole("number", 2, 1, 3, "") },
		"sizes":   func(r *Reader) { r.Whole("sizes", 2, 1, 3, "") },
		"missing": func(r *Reader) { r.Whole("missing", 2, 1, 3, "") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: read as another kind", name)
				}
			}()
			read(&Reader{method: d, resolved: Values{}})
		}()
	}
	given := []int{1, 2, 3, 2}
	r := &Reader{method: d, given: Values{"sizes": given}, resolved: Values{}}
	r.Whole("whole", 2, 1, 3, "")
	r.Positive("number", 2)
	sizes := r.Sizes("sizes", 2, 4, 1, 3)
	expect.NoError(t, r.err)
	if sizes[0]++; given[0] != 1 || r.resolved["sizes"].([]int)[0] != 1 {
		t.Errorf("the method shares its sizes: %v, %v", given, r.resolved["sizes"])
	}
}

// TestMethodDefaults: the paper's settings are rank 2, beta 100 and feedback in the second half of the blocks.
func TestMethodDefaults(t *testing.T) {
	arch := must(backbone.Parse("vit_b16"))(t)
	_, options, err := newMethod("dtl+", nil, arch)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"rank": "2", "beta": "100", "side-from": "0", "feedback-from": "6", "kernel": "3"} {
		if options[name] != want {
			t.Errorf("--%s is %q by default, want %q", name, options[name], want)
		}
	}
	if len(options) != 5 {
		t.Errorf("options %v, want five", options)
	}
}

// TestModelErrors: an impossible model is an error, not a panic.
func TestModelErrors(t *testing.T) {
	method, _, err := newMethod("dtl", nil, micro)
	if err != nil {
		t.Fatal(err)
	}
	good := Config{Arch: micro, Std: [3]float64{1, 1, 1}, Method: method, Pool: backbone.PoolMean, Classes: 3}
	for _, c := range []struct {
		change func(c *Config)
		want   string
	}{
		{func(c *Config) { c.Classes = 0 }, "0 classes"},
		{func(c *Config) { c.Recompute = "block" }, `unknown kind of recomputation "block"`},
		{func(c *Config) { c.Arch = c.Arch.With(backbone.Sizes{Image: 18}) }, "18 pixels"},
		{func(c *Config) { c.Arch = c.Arch.With(backbone.Sizes{Heads: 5}) }, "5 heads"},
		{func(c *Config) { a := micro; a.Depth = 0; c.Arch = a }, "depth = 0"},
	} {
		config := good
		c.change(&config)
		_, err := New(config)
		expect.Error(t, err, c.want)
	}
}

// TestStartErrors: errors for weights and adapters that do not fit the graph name the tensor.
func TestStartErrors(t *testing.T) {
	s := setting{method: "dtl"}.start(t)
	weights := must(s.ReadFrozen())(t)
	const cls = "cls"

	saved := weights[cls]
	delete(weights, cls)
	_, err := NewPredictor(s.Model, Start{Weights: weights})
	expect.Error(t, err, "backbone", "tensor "+cls, "missing")
	weights[cls] = tensor.Zeros(1, 1, 13)
	_, err = NewPredictor(s.Model, Start{Weights: weights})
	expect.Error(t, err, "backbone", "tensor "+cls, "[1 1 13]", "[1 1 12]")
	weights[cls] = saved

	// An adapter file for another number of classes.
	_, err = NewPredictor(s.Model, Start{Weights: weights, Adapter: tensor.Map{HeadWeight: tensor.Zeros(5, 12)}})
	expect.Error(t, err, "adapter", HeadWeight, "[5 12]", "[3 12]")
}

// TestInitialValues: A and the convolution start uniform within +-1/sqrt(fan_in), PyTorch's default; B and the classifier's bias
// start at zero, the classifier's weight normal with standard deviation 0.02.
func TestInitialValues(t *testing.T) {
	method, _, err := newMethod("dtl+", Options{"rank": "8", "kernel": "5"}, must(backbone.Parse("vit_ti16"))(t))
	if err != nil {
		t.Fatal(err)
	}
	model := must(New(Config{
		Arch: must(backbone.Parse("vit_ti16"))(t), Std: [3]float64{1, 1, 1}, Method: method, Pool: method.Pool(), Classes: 100,
	}))(t)
	values := model.params.drawn(1)
	deviation := func(name string) (deviation, largest float64) {
		x := floats(values[name])
		mean := 0.0
		for _, v := range x {
			mean += v / float64(len(x))
			deviation += v * v / float64(len(x))
		}
		deviation = math.Sqrt(deviation)
		if math.Abs(mean) > 5*deviation/math.Sqrt(float64(len(x))) {
			t.Errorf("%s: mean %v at a deviation of %v", name, mean, deviation)
		}
		return deviation, size(x)
	}
	for name, bound := range map[string]float64{"lora_dict.0.lora_A": 1 / math.Sqrt(192), "lora_dict.11.lora_A": 1 / math.Sqrt(192), "lora_fusion.weight": 1.0 / 5} {
		std, largest := deviation(name)
		// A uniform distribution has the standard deviation bound/sqrt(3).
		if largest > bound*(1+1e-6) || largest < 0.99*bound || math.Abs(std*math.Sqrt(3)/bound-1) > 0.04 {
			t.Errorf("%s: deviation %.4f and largest value %.4f, want a uniform distribution within +-%.4f", name, std, largest, bound)
		}
	}
	if std, largest := deviation(HeadWeight); math.Abs(std/0.02-1) > 0.03 || largest < 0.06 || largest > 0.12 {
		t.Errorf("%s: deviation %.4f and largest value %.4f, want a normal distribution of deviation 0.02", HeadWeight, std, largest)
	}
	for _, name := range []string{"lora_dict.0.lora_B", "lora_dict.11.lora_B", HeadBias} {
		if size(floats(values[name])) != 0 {
			t.Errorf("%s does not start at zero", name)
		}
	}
	if a, b := values.SHA256(), model.params.drawn(2).SHA256(); a == b {
		t.Error("seeds 1 and 2 give the same values")
	}
	if v := TruncatedNormal(10)(rand.New(rand.NewPCG(1, 1)), []int{1000}); size(floats(v)) > 2 {
		t.Errorf("a truncated normal has the value %v, it is cut at 2", size(floats(v)))
	}
}
