package onnx

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

// TestTranslate checks every case: the file is a graph of known ops, with those that are wanted, the batch is free, and by ONNX's definitions
// it computes what TensorFlow computes.
func TestTranslate(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range layerCases() {
		t.Run(c.name, func(t *testing.T) {
			m := c.make(t)
			r := read(t, encoded(t, m.model))
			r.check(t)
			ops := r.ops()
			for op := range ops {
				seen[op] = true
			}
			for op, n := range c.ops {
				if ops[op] != n {
					t.Errorf("%d nodes %s, want %d: %v", ops[op], op, n, ops)
				}
			}
			for _, op := range c.none {
				if ops[op] > 0 {
					t.Errorf("there is a %s: %v", op, ops)
				}
			}
			if in := r.inputs["x"]; len(r.inputs) != 1 || in[0] != int64(1) || in[1] != "batch" || in[2] != int64(c.input[0]) {
				t.Errorf("the inputs are %v", r.inputs)
			}
			x := array{shape: m.input.Shape}
			for _, v := range m.input.Float32() {
				x.data = append(x.data, float64(v))
			}
			y := r.evaluate(t, map[string]array{"x": x})["y"]
			got := make([]float32, len(y.data))
			for i, v := range y.data {
				got[i] = float32(v)
			}
			if !slices.Equal(y.shape, m.want.Shape) {
				t.Errorf("shape %v, want %v", y.shape, m.want.Shape)
			}
			closeTo(t, c.name, got, m.want.Float32(), 1e-5)
		})
	}
	for op := range since {
		if !seen[op] && op != "Cast" {
			t.Errorf("no case has a %s", op)
		}
	}
}

// runner runs models in ONNX Runtime, after ONNX's checker has seen them. Its input and output are JSON.
const runner = `
import json, sys
import numpy, onnx, onnxruntime
options = onnxruntime.SessionOptions()
options.log_severity_level = 3
results = []
for path, shape, values in json.load(sys.stdin):
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    y = session.run(["y"], {"x": numpy.array(values, numpy.float32).reshape(shape)})[0]
    results.append([list(y.shape), y.ravel().tolist()])
json.dump(results, sys.stdout)
`

// TestRuntime: ONNX Runtime gives what TensorFlow gives, for every case.
func TestRuntime(t *testing.T) {
	need.Python(t, "onnx", "onnxruntime")
	dir := t.TempDir()
	var tasks []any
	var cases []made
	for i, c := range layerCases() {
		m := c.make(t)
		path := filepath.Join(dir, strconv.Itoa(i)+".onnx")
		expect.NoError(t, os.WriteFile(path, encoded(t, m.model), 0o666))
		tasks, cases = append(tasks, []any{path, m.input.Shape, m.input.Float32()}), append(cases, m)
	}
	raw, err := json.Marshal(tasks)
	expect.NoError(t, err)
	command := exec.Command("python3", "-c", runner)
	in, err := command.StdinPipe()
	expect.NoError(t, err)
	go func() {
		_, _ = in.Write(raw)
		in.Close()
	}()
	command.Stderr = os.Stderr
	out, err := command.Output()
	expect.NoError(t, err)
	var results [][2]json.RawMessage
	expect.NoError(t, json.Unmarshal(out, &results))
	for i, m := range cases {
		var shape []int
		var got []float32
		expect.NoError(t, json.Unmarshal(results[i][0], &shape))
		expect.NoError(t, json.Unmarshal(results[i][1], &got))
		if !slices.Equal(shape, m.want.Shape) {
			t.Errorf("%s: shape %v, want %v", m.name, shape, m.want.Shape)
		}
		closeTo(t, m.name, got, m.want.Float32(), 1e-5)
	}
}

// TestWeights: a variable keeps its name and values, equal constants are stored once, and what a pattern replaces is dropped.
func TestWeights(t *testing.T) {
	m := layerCase{"weights", rowsOf8, nil, nil, func(l *layers, x graph.Value) graph.Value {
		w := l.weight("blocks.0/kernel", 8, 8)
		y := l.Linear(l.Linear(x, w, l.weight("bias", 8)), w, graph.Value{})
		same := func() graph.Value { return l.Constant(tensor.Must([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 8)) }
		return l.AddRow(l.AddRow(y, same()), same())
	}}.make(t)
	r := read(t, encoded(t, m.model))
	kernel := r.constants["blocks.0/kernel"]
	if !reflect.DeepEqual(kernel.dims, []int64{8, 8}) || kernel.kind != 1 {
		t.Fatalf("the kernel is %v of type %d", kernel.dims, kernel.kind)
	}
	var want []float32
	for _, c := range m.model.Constants {
		if c.Name == "blocks.0/kernel" {
			want = c.Value.Float32()
		}
	}
	if got := floats(kernel.raw); !slices.Equal(got, want) || got[0] == 0 {
		t.Errorf("the kernel is %v, want %v", got, want)
	}
	vectors := 0
	for _, c := range r.constants {
		if slices.Equal(floats(c.raw), []float32{1, 2, 3, 4, 5, 6, 7, 8}) {
			vectors++
		}
	}
	if vectors != 1 || len(r.constants) != 5 { // kernel, bias, vector, two shapes
		t.Errorf("the vector is stored %d times, %d constants", vectors, len(r.constants))
	}
}

// TestInput: the graph before an input is no part of the model, and bytes are one.
func TestInput(t *testing.T) {
	b := graph.New(graph.RecomputeNone)
	images := b.Placeholder("images", tf.Uint8, graph.Unknown, graph.Unknown, graph.Unknown, 3)
	fitted := b.Resize(images, 4)
	y := b.Normalise(fitted, [3]float64{0.5, 0.5, 0.5}, [3]float64{0.5, 0.25, 1})
	m, err := Translate(Source{b, nil, []Named{{"images", fitted}}, []Named{{"y", y}, {"again", y}}})
	expect.NoError(t, err)
	m.Producer, m.Version, m.Metadata = "p", "1.2", map[string]string{"k": "v", "classes": `["ä"]`}
	r := read(t, encoded(t, m))
	r.check(t)
	if want := []any{int64(2), "batch", int64(4), int64(4), int64(3)}; !reflect.DeepEqual(r.inputs["images"], want) || len(r.inputs) != 1 {
		t.Errorf("the inputs are %v, want %v", r.inputs, want)
	}
	if got := r.ops(); !reflect.DeepEqual(got, map[string]int{"Cast": 1, "Mul": 1, "Add": 1, "Identity": 1}) {
		t.Errorf("ops %v", got)
	}
	if len(r.outputs) != 2 || r.producer != "p" || r.version != "1.2" || !reflect.DeepEqual(r.metadata, m.Metadata) {
		t.Errorf("%v, %s %s, %v", r.outputs, r.producer, r.version, r.metadata)
	}
}

// TestRefused: what has no translation is named.
func TestRefused(t *testing.T) {
	b := graph.New(graph.RecomputeNone)
	images := b.Placeholder("images", tf.Uint8, graph.Unknown, graph.Unknown, graph.Unknown, 3)
	x := b.Placeholder("x", tf.Float, graph.Unknown, 6, 6, 4)
	w := graph.NewVariables().Declare(b, "w", false, 4, 1, 3, 3).Value
	for _, c := range []struct {
		in, out graph.Value
		values  tensor.Map
		want    []string
	}{
		{images, b.Resize(images, 4), nil, []string{"op Greater", "resize/passes", "no translation to ONNX"}},
		{x, b.AddRow(b.Reshape(x, graph.Unknown, 36, 4), b.Reshape(w, 1, 36, 1)), nil, []string{"tensor w is missing"}},
		{x, b.AddRow(b.Reshape(x, graph.Unknown, 36, 4), b.Reshape(w, 1, 36, 1)), tensor.Map{"w": tensor.Must([]int32{1})}, []string{"tensor w", "float32"}},
		{images, b.Scale(x, 2), nil, []string{"op Placeholder", "x/Placeholder"}},
	} {
		_, err := Translate(Source{b, c.values, []Named{{"x", c.in}}, []Named{{"y", c.out}}})
		expect.Error(t, err, c.want...)
	}
}

// TestSplit: the weights are in a second file where the first one says, aligned and complete, and small values stay.
func TestSplit(t *testing.T) {
	m := layerCase{"split", rowsOf8, nil, nil, func(l *layers, x graph.Value) graph.Value {
		return l.Linear(l.Linear(x, l.weight("first", 8, 300), l.weight("bias", 300)), l.weight("second", 300, 9), graph.Value{})
	}}.make(t)
	head, weights := m.model.Split("model.onnx.data")
	var data writerOf
	expect.NoError(t, weights(&data))
	r := read(t, head)
	r.check(t)
	whole := read(t, encoded(t, m.model))
	outside := 0
	for name, c := range r.constants {
		if len(c.external) == 0 {
			if !slices.Equal(c.raw, whole.constants[name].raw) || len(c.raw) >= 1024 {
				t.Errorf("%s has %d bytes inside", name, len(c.raw))
			}
			continue
		}
		outside++
		offset, err := strconv.Atoi(c.external["offset"])
		expect.NoError(t, err)
		length, err := strconv.Atoi(c.external["length"])
		expect.NoError(t, err)
		if c.external["location"] != "model.onnx.data" || offset%4096 != 0 || !slices.Equal(data[offset:offset+length], whole.constants[name].raw) {
			t.Errorf("%s is not at %v", name, c.external)
		}
	}
	if outside != 3 || len(head) > 4096 {
		t.Errorf("%d constants outside, %d bytes inside", outside, len(head))
	}
}
