package adapter

import (
	"errors"
	"reflect"
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// TestAdapterConfig joins an adapter and flags: what the file says counts, what it doesn't say comes from its shapes,
// then from the flags; a contradiction is the user's mistake, numbers are compared as numbers.
func TestAdapterConfig(t *testing.T) {
	maps := tensor.Map{"lora_dict.0.lora_A": tensor.Zeros(3, 16), "lora_dict.0.lora_B": tensor.Zeros(16, 3), "head.weight": tensor.Zeros(5, 16)}
	mixing := tensor.Map{"lora_dict.0.lora_A": tensor.Zeros(2, 16), "lora_fusion.weight": tensor.Zeros(16, 1, 4, 4)}
	head := tensor.Map{"head.weight": tensor.Zeros(5, 16)}
	written := result.Meta{"method": "dtl", "rank": "3", "beta": "100", "feedback_from": "6", "pool": "cls"}
	for _, c := range []struct {
		name       string
		tensors    tensor.Map
		meta       result.Meta
		flags      runner.MethodConfig
		want       runner.MethodConfig
		contradict string
	}{
		{"own file", maps, written, runner.MethodConfig{},
			runner.MethodConfig{Method: "dtl", Pool: "cls", Options: dtl.Options{"rank": "3", "beta": "100", "side-from": "0", "feedback-from": "6"}}, ""},
		{"own file and the same flags", maps, written, runner.MethodConfig{Method: "dtl", Pool: "cls", Options: dtl.Options{"rank": "3", "beta": "1e2"}},
			runner.MethodConfig{Method: "dtl", Pool: "cls", Options: dtl.Options{"rank": "3", "beta": "100", "side-from": "0", "feedback-from": "6"}}, ""},
		{"official dtl", maps, nil, runner.MethodConfig{}, runner.MethodConfig{Method: "dtl", Options: dtl.Options{"rank": "3", "side-from": "0"}}, ""},
		{"official dtl+", mixing, nil, runner.MethodConfig{}, runner.MethodConfig{Method: "dtl+", Options: dtl.Options{"rank": "2", "kernel": "4", "side-from": "0"}}, ""},
		{"official dtl and flags", maps, nil, runner.MethodConfig{Pool: "mean", Options: dtl.Options{"beta": "7", "feedback-from": "1"}},
			runner.MethodConfig{Method: "dtl", Pool: "mean", Options: dtl.Options{"rank": "3", "beta": "7", "side-from": "0", "feedback-from": "1"}}, ""},
		{"head alone", head, nil, runner.MethodConfig{}, runner.MethodConfig{Method: "dtl", Options: dtl.Options{}}, ""},
		{"head alone of linear", head, nil, runner.MethodConfig{Method: "linear"}, runner.MethodConfig{Method: "linear", Options: dtl.Options{}}, ""},

		{"method", maps, written, runner.MethodConfig{Method: "linear"}, runner.MethodConfig{}, "--method linear contradicts the adapter A, which is of dtl"},
		{"pool", maps, written, runner.MethodConfig{Pool: "mean"}, runner.MethodConfig{}, "--pool mean contradicts the adapter A"},
		{"rank", maps, written, runner.MethodConfig{Options: dtl.Options{"rank": "2"}}, runner.MethodConfig{}, "--rank 2 contradicts the adapter A, which has 3"},
		{"beta", maps, written, runner.MethodConfig{Options: dtl.Options{"beta": "10"}}, runner.MethodConfig{}, "--beta 10 contradicts the adapter A, which has 100"},
		{"a word", maps, written, runner.MethodConfig{Options: dtl.Options{"beta": "many"}}, runner.MethodConfig{}, "--beta many contradicts"},
		{"official method", mixing, nil, runner.MethodConfig{Method: "dtl"}, runner.MethodConfig{}, "--method dtl contradicts the adapter A, which is of dtl+"},
		{"official rank", maps, nil, runner.MethodConfig{Options: dtl.Options{"rank": "2"}}, runner.MethodConfig{}, "--rank 2 contradicts the adapter A, which has 3"},
		{"official kernel", mixing, nil, runner.MethodConfig{Options: dtl.Options{"kernel": "3"}}, runner.MethodConfig{}, "--kernel 3 contradicts the adapter A, which has 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := join(&result.Adapter{Path: "A", Tensors: c.tensors, Meta: c.meta}, c.flags)
			if c.contradict != "" {
				expect.Error(t, err, c.contradict)
				var usage *runner.UsageError
				if !errors.As(err, &usage) {
					t.Errorf("%v is no UsageError", err)
				}
				return
			}
			expect.NoError(t, err)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestAdapterClasses reads the number of classes off the classifier.
func TestAdapterClasses(t *testing.T) {
	n, err := Classes(&result.Adapter{Tensors: tensor.Map{"head.weight": tensor.Zeros(5, 16)}})
	if n != 5 || err != nil {
		t.Errorf("%d classes, %v", n, err)
	}
	for _, m := range []tensor.Map{{}, {"head.weight": tensor.Zeros(5)}, {"head.weight": tensor.Zeros(0, 16)}} {
		_, err := Classes(&result.Adapter{Path: "A", Tensors: m})
		expect.Error(t, err, "adapter A", "head.weight")
	}
}

// TestAdapterClassNames: names that do not fit the classifier are an error that names file and key.
func TestAdapterClassNames(t *testing.T) {
	meta := result.Meta{}
	meta.SetJSON(result.KeyClassNames, []string{"a", "b"})
	_, err := ClassNames(&result.Adapter{Path: "x.safetensors", Meta: meta}, 3)
	expect.Error(t, err, "x.safetensors", "class_names has 2 names", "3 classes")
	if names, err := ClassNames(&result.Adapter{}, 3); names != nil || err != nil {
		t.Errorf("without names: %v, %v", names, err)
	}
}
