package dtl

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/backbone/vit"
	"dtl-tf/graph/tensor"
)

// rivals are the methods that the tests of this file cover, with the options of scripts/make_rival_vectors.py, which differ
// from the defaults.
var rivals = map[string]Options{
	"bitfit":      nil,
	"vpt-shallow": {"prompts": "4"},
	"vpt-deep":    {"prompts": "4"},
	"adapter":     {"bottleneck": "5"},
	"adaptformer": {"bottleneck": "5", "scale": "0.1"},
	"lora":        {"rank": "3", "alpha": "6"},
	"ssf":         nil,
}

// startsElsewhere lists the methods that do not start at the backbone's own function.
var startsElsewhere = map[string]bool{"vpt-shallow": true, "vpt-deep": true}

// two is micro with two blocks, enough for a first block and one that follows.
var two = vit.Architecture{Image: 16, Patch: 4, Width: 12, Depth: 2, Heads: 2, MLP: 48, Eps: backbone.LayerNormEps}

// eachRival runs a subtest for each of the rivals.
func eachRival(t *testing.T, test func(t *testing.T, c setting)) {
	for name, options := range rivals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setting{arch: two, method: name, options: options})
		})
	}
}

// randomRival draws values for all tensors of an adapter file, so that none is zero.
func randomRival(m *Model) tensor.Map {
	random := rand.New(rand.NewPCG(2, 97))
	values := tensor.Map{}
	shapes := m.AdapterShapes()
	for _, v := range m.Trainable.All() {
		value := tensor.Zeros(shapes[v.Name]...)
		for i := range value.Float32() {
			value.Float32()[i] = float32(0.3 * random.NormFloat64())
			if strings.Contains(v.Name, "ssf_scale") {
				value.Float32()[i]++
			}
		}
		values[v.Name] = value
	}
	return values
}

// TestRivalCounts counts the trainable parameters of the built graph of ViT-B/16 without the classifier. The expected counts
// follow from the papers: 134 biases of 768; p x 768 for each block with prompts; 12 x (2 x 8 x 768 + 8 + 768);
// 12 x 2 x 2 x 8 x 768; 134 x 2 x 768.
func TestRivalCounts(t *testing.T) {
	const all = 85_798_656
	arch := must(backbone.Parse("vit_b16"))(t)
	for name, want := range map[string]int{
		"bitfit": 102_912, "vpt-shallow": 38_400, "vpt-deep": 460_800, "adapter": 156_768, "adaptformer": 156_768,
		"lora": 294_912, "ssf": 205_824,
	} {
		method, _, err := newMethod(name, nil, arch)
		if err != nil {
			t.Fatal(err)
		}
		model := must(New(Config{Arch: arch, Std: [3]float64{1, 1, 1}, Method: method, Pool: method.Pool(), Classes: 10}))(t)
		frozen := all
		if name == "bitfit" {
			frozen -= want
		}
		if got, want := model.Counts(), (Counts{Method: want, Classifier: 7_690, Frozen: frozen}); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// TestRivalVectors compares logits, loss and gradients with a second implementation of the methods, in PyTorch (testdata/rival,
// scripts/make_rival_vectors.py).
func TestRivalVectors(t *testing.T) {
	bb := must(backbone.Load(t.Context(), filepath.Join("testdata", "backbone.safetensors"), backbone.Options{Heads: 2}))(t)
	batch := readWeights(t, filepath.Join("testdata", "images.safetensors"))
	eachRival(t, func(t *testing.T, c setting) {
		c.pool = backbone.PoolClass
		checkRivalVectors(t, c, bb, batch, filepath.Join("testdata", "rival"))
	})
}

func checkRivalVectors(t *testing.T, c setting, bb *backbone.Backbone, batch tensor.Map, folder string) {
	want := readWeights(t, filepath.Join(folder, c.method+".safetensors"))
	values, gradients := tensor.Map{}, tensor.Map{}
	for name, value := range want {
		if of, ok := strings.CutPrefix(name, "value/"); ok {
			values[of] = value
		}
		if of, ok := strings.CutPrefix(name, "gradient/"); ok {
			gradients[of] = value
		}
	}
	method, _, err := newMethod(c.method, c.options, bb.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	model := must(New(Config{
		Arch: bb.Architecture, Std: [3]float64{1, 1, 1}, Method: method, Pool: c.pool, Classes: 3,
		FloatImages: true,
	}))(t)
	s := openTrainer(t, model, Training{Batch: 2}, bb.Weights, 0, values)
	logits, loss, got, err := gradientsOf(s, batch["images"], int32s(batch["labels"]))
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, got, want []float64, tolerance float64) {
		if off := relative(got, want); !(off <= tolerance) {
			t.Errorf("%s: off by %.2g\n got %.8v\nwant %.8v", what, off, got, want)
		}
	}
	check("logits", floats(logits), floats(want["logits"]), 1e-5)
	check("logits of the prediction graph", floats(must(s.Logits(batch["images"]))(t)), floats(want["logits"]), 1e-5)
	check("loss", []float64{loss}, floats(want["loss"]), 1e-5)
	if !slices.Equal(got.Names(), gradients.Names()) {
		t.Fatalf("gradients of %v, want %v", got.Names(), gradients.Names())
	}
	largest := 0.0
	for _, g := range gradients {
		for _, v := range floats(g) {
			largest = max(largest, math.Abs(v))
		}
	}
	for name, g := range got {
		// The gradient of the key's bias is rounding error: skip what is below a millionth of the largest gradient.
		got, want := floats(g), floats(gradients[name])
		if !(relative(got, want) <= 1e-4) && apart(got, want) > 1e-6*largest {
			t.Errorf("gradient of %s\n got %v\nwant %v", name, got, want)
		}
	}
}

// wide converts a slice to double precision.
func wide(v []float32) []float64 { return floats(tensor.Must(v, len(v))) }

// apart is max|a - b|.
func apart(a, b []float64) float64 {
	worst := 0.0
	for i := range a {
		worst = max(worst, math.Abs(a[i]-b[i]))
	}
	return worst
}

// TestRivalGradients compares the gradient of every variable with TensorFlow's and, along its own direction, with central
// differences, with stochastic depth.
func TestRivalGradients(t *testing.T) {
	eachRival(t, func(t *testing.T, c setting) {
		c.dropPath, c.batch, c.adapter = 0.5, 8, randomRival
		checkRivalGradients(t, c.start(t), c.startPlain(t))
	})
}

// checkRivalGradients compares with TensorFlow's gradients of the plain graph, unless that is nil.
func checkRivalGradients(t *testing.T, s, plain *ImageTrainer) {
	images, labels := someBatch(s.Trainer, 3)
	feeds := must(s.feeds([]tensor.Tensor{images}, Targets{Labels: labels}, 0, 4))(t)
	var reads, ours []tf.Output
	used := slices.DeleteFunc(slices.Clone(s.Trainable.All()), func(v *graph.Variable) bool { return slices.Contains(s.Unused(), v.Name) })
	for _, v := range used {
		reads = append(reads, v.Value.Output)
		ours = append(ours, s.nodes.gradients[v.Name].Output)
	}
	found := must(s.session.Run(feeds, slices.Concat(reads, ours)))(t)
	n := len(reads)
	if plain != nil {
		largest := 1.0 // the gradient of the key's bias is rounding error of those that cancel in it
		for _, g := range found[n:] {
			largest = max(largest, size(floats(g)))
		}
		for i, want := range tensorFlowsGradients(t, plain, images, labels) {
			got, want := floats(found[n+i]), floats(want)
			if !(relative(got, want) <= 2e-5 || apart(got, want) <= 1e-7*largest) {
				t.Errorf("gradient of %s: off by %.2g of TensorFlow's", used[i].Name, relative(got, want))
			}
		}
	}
	values := found[:n]
	for i := range values {
		feeds = append(feeds, graph.Feed{Output: reads[i], Value: values[i]}) // a fed value overrides the variable's
	}
	lossAt := func(i int, direction []float64, step float64) float64 {
		moved := values[i].Clone()
		for k := range moved.Float32() {
			moved.Float32()[k] += float32(step * direction[k])
		}
		feeds[len(feeds)-n+i].Value = moved
		defer func() { feeds[len(feeds)-n+i].Value = values[i] }()
		return float64(must(s.session.Run(feeds, []tf.Output{s.nodes.loss.Output}))(t)[0].Float32()[0])
	}
	loss := float64(must(s.session.Run(feeds, []tf.Output{s.nodes.loss.Output}))(t)[0].Float32()[0])
	for i, v := range used {
		got := floats(found[n+i])
		length := 0.0
		for _, x := range got {
			length = math.Hypot(length, x)
		}
		if length < 1e-3 {
			continue // too small for differences of a float32 loss
		}
		for k := range got {
			got[k] /= length
		}
		const step = 2e-3
		numeric := (lossAt(i, got, step) - lossAt(i, got, -step)) / (2 * step)
		// Two losses of float32, each off by some units in the last place.
		if noise := max(1e-4, 4*0x1p-24*math.Abs(loss)/(2*step)); math.Abs(numeric-length) > 0.01*length+noise {
			t.Errorf("gradient of %s has length %.5g, differences along it give %.5g", v.Name, length, numeric)
		}
	}
}

// TestRivalsStartAtBackbone: training starts at the frozen backbone's own logits, bit for bit, for the methods whose definition
// says so. SSF does up to rounding with gamma = 1 and beta = 0, the means of its initial values. VPT never does.
func TestRivalsStartAtBackbone(t *testing.T) {
	logits := func(t *testing.T, c setting) []float32 {
		c.pool, c.adapter = backbone.PoolClass, func(m *Model) tensor.Map {
			values := head(m)
			for _, v := range m.Trainable.All() {
				if strings.Contains(v.Name, "ssf_") {
					values[v.Name] = tensor.Zeros(v.Shape...)
				}
				for i := range values[v.Name].Float32() {
					if strings.Contains(v.Name, "ssf_scale") {
						values[v.Name].Float32()[i] = 1
					}
				}
			}
			return values
		}
		s := c.start(t)
		images, _ := someBatch(s.Trainer, 1)
		return must(s.Logits(images))(t).Float32()
	}
	want := logits(t, setting{arch: two, method: "linear"})
	eachRival(t, func(t *testing.T, c setting) {
		got := logits(t, c)
		same := slices.Equal(got, want)
		if c.method == "ssf" || c.method == "lra" || strings.HasPrefix(c.method, "fact") {
			// 1 x and 0 + x are exact, but TensorFlow then fuses other nodes, which rounds differently.
			same = relative(wide(got), wide(want)) < 1e-5
		}
		if starts := !startsElsewhere[c.method]; same != starts {
			t.Errorf("starts with logits %v, the plain backbone has %v", got, want)
		}
	})
}

// TestRivalRestore: a model that only predicts gives the same logits with the trained tensors, whose names and shapes are those
// of AdapterShapes.
func TestRivalRestore(t *testing.T) {
	eachRival(t, func(t *testing.T, c setting) {
		s := c.start(t)
		trainSteps(t, s, 2, 1e-2)
		trained := must(s.ReadTrainable())(t)
		shapes := s.AdapterShapes()
		if len(shapes) != len(trained) {
			t.Errorf("an adapter has %d tensors, %d are trainable", len(shapes), len(trained))
		}
		for name, shape := range shapes {
			if !slices.Equal(trained[name].Shape, shape) {
				t.Errorf("%s has shape %v, the model says %v", name, trained[name].Shape, shape)
			}
		}
		again := open(t, must(New(s.Config))(t), must(backbone.Random(two, 5))(t).Weights, 77, trained)
		images, _ := someBatch(s.Trainer, 5)
		if a, b := must(s.Logits(images))(t).Float32(), must(again.Logits(images))(t).Float32(); !slices.Equal(a, b) {
			t.Errorf("logits %v, and %v after reading the trained tensors back", a, b)
		}
	})
}

// TestRivalDecay: the one-dimensional gammas and betas of SSF have no weight decay, as in its code. Of the other methods, maps
// have weight decay and biases have none.
func TestRivalDecay(t *testing.T) {
	for name, decays := range map[string]map[string]bool{
		"ssf":     {"blocks.0.ssf_scale_1": false, "ssf_shift_1": false, HeadWeight: true, HeadBias: false},
		"lora":    {"blocks.0.attn.q.lora_A": true, "blocks.0.attn.v.lora_B": true},
		"adapter": {"blocks.0.adapter_upsample.weight": true, "blocks.0.adapter_upsample.bias": false},
		"bitfit":  {"embedding/bias": false},
	} {
		method, _, err := newMethod(name, nil, micro)
		if err != nil {
			t.Fatal(err)
		}
		m := must(New(Config{Arch: micro, Std: [3]float64{1, 1, 1}, Method: method, Pool: backbone.PoolClass, Classes: 2}))(t)
		for parameter, want := range decays {
			if _, ok := m.Trainable.Lookup(parameter); !ok {
				t.Errorf("%s has no parameter %s", name, parameter)
			}
			if got := m.decays(parameter); got != want {
				t.Errorf("%s: weight decay on %s is %t, want %t", name, parameter, got, want)
			}
		}
	}
}

// TestPromptRange: prompts start uniform within +-sqrt(6 / (3 patch^2 + d)), which is 1/sqrt(10) for the tiny ViT.
func TestPromptRange(t *testing.T) {
	s := setting{method: "vpt-deep"}.start(t)
	drawn := must(s.ReadTrainable())(t)["prompt_embeddings.3"].Float32()
	bound, smallest, largest := float32(1/math.Sqrt(10)), slices.Min(drawn), slices.Max(drawn)
	if smallest < -bound || largest > bound || smallest > -0.95*bound || largest < 0.95*bound {
		t.Errorf("prompts of %v to %v, want them to fill +-%v", smallest, largest, bound)
	}
}
