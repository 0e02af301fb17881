package dtl

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

// jointCase is a setting of a Joint as a single run has it, with its learning rate and weight decay.
type jointCase struct {
	method    string
	options   Options
	lr, decay float64
	seed      uint64
	dropPath  float64
}

func (c jointCase) single() setting {
	return setting{method: c.method, options: c.options, seed: c.seed, dropPath: c.dropPath, scope: DropPathSuffix, noise: 0.05}
}

// openJoint opens a Joint of the cases, whose pool is that of the first one's method.
func openJoint(t *testing.T, microBatch int, cases ...jointCase) *Joint {
	t.Helper()
	var settings []Setting
	var config Config
	var start Start
	for i, c := range cases {
		s := c.single()
		s.microBatch = microBatch
		m, training, begin := s.resolve(t)
		training.WeightDecay = c.decay
		settings = append(settings, Setting{Method: m.Config.Method, Training: training, Seed: c.seed})
		if i == 0 {
			config, start = m.given, begin
		}
	}
	return closed(t, must(NewJoint(config, settings, graph.FP32, start))(t))
}

// jointSteps are enough for the moments of the optimizer to matter.
const jointSteps = 6

// batchOf returns the images and labels of a step.
func batchOf(step int) (tensor.Tensor, []int32) {
	images := tensor.Zeros(4, micro.Image, micro.Image, 3)
	for i := range images.Float32() {
		images.Float32()[i] = float32(math.Sin(float64(i*(step+1)) / 7))
	}
	return images, []int32{int32(step % 3), 1, 2, 0}
}

// TestJointEqualsSingle: after several steps the losses, the trained tensors and the logits of each setting equal those of a separate run,
// from the images to the optimizer, whatever else trains beside it.
func TestJointEqualsSingle(t *testing.T) {
	dtl := func(rank string, lr, decay float64, seed uint64, drop float64) jointCase {
		return jointCase{"dtl", Options{"rank": rank}, lr, decay, seed, drop}
	}
	all := map[string][]jointCase{
		"linear": {{"linear", nil, 1e-2, 0.05, 1, 0}, {"linear", nil, 3e-3, 0, 2, 0}, {"linear", nil, 1e-2, 0.05, 2, 0}},
		"lst":    {{"lst", Options{"reduction": "2"}, 1e-2, 0.05, 1, 0}, {"lst", Options{"reduction": "3"}, 3e-3, 0.1, 2, 0}},
		"lra":    {{"lra", Options{"rank": "4"}, 1e-2, 0.05, 1, 0}, {"lra", Options{"rank": "2"}, 1e-3, 0, 2, 0}, {"lra", Options{"sum-from": "2"}, 1e-3, 0, 2, 0}},
		"bypass": {{"res-tuning-bypass", Options{"bottleneck": "4"}, 1e-2, 0.05, 1, 0}, {"res-tuning-bypass", Options{"bottleneck": "2"}, 1e-3, 0, 2, 0}},
		"vqt":    {{"vqt", nil, 1e-2, 0.05, 1, 0}, {"vqt", nil, 1e-3, 0, 2, 0}},
		"dtl": {
			dtl("2", 1e-2, 0.05, 1, 0), dtl("3", 3e-3, 0, 2, 0.3), dtl("2", 3e-3, 0.1, 2, 0),
			{"dtl", Options{"feedback-from": "1"}, 1e-3, 0.05, 1, 0}, {"dtl", Options{"side-from": "1"}, 1e-3, 0.05, 1, 0.2},
		},
		"dtl+": {{"dtl+", nil, 1e-2, 0.05, 1, 0}, {"dtl+", Options{"kernel": "5"}, 1e-3, 0, 2, 0.2}},
	}
	microBatches := []int{0, 2}
	if !need.AllowsHeavy() {
		all = map[string][]jointCase{"linear": all["linear"], "lst": all["lst"], "dtl": all["dtl"][:2]}
		microBatches = []int{0}
	}
	for name, cases := range all {
		for _, microBatch := range microBatches {
			t.Run(fmt.Sprint(name, microBatch), func(t *testing.T) {
				j := openJoint(t, microBatch, cases...)
				losses := make([][]float64, len(cases))
				for step := range jointSteps {
					images, labels := batchOf(step)
					values := must(j.Prefix(images))(t)
					for i, c := range cases {
						losses[i] = append(losses[i], must(j.Step(i, values, Targets{Labels: labels}, c.lr, step))(t))
					}
					values.Free()
				}
				images, _ := batchOf(99)
				values := must(j.Prefix(images))(t)
				defer values.Free()
				for i, c := range cases {
					s := c.single()
					s.microBatch = microBatch
					m, training, start := s.resolve(t)
					training.WeightDecay = c.decay
					one := closed(t, must(NewImageTrainer(m, training, start))(t))
					for step := range jointSteps {
						images, labels := batchOf(step)
						if want := must(one.Step(images, labels, c.lr, step))(t); math.Abs(losses[i][step]-want) > 1e-5*want {
							t.Errorf("setting %d, step %d: loss %v, alone %v", i, step, losses[i][step], want)
						}
					}
					closeMaps(t, fmt.Sprintf("setting %d", i), must(j.Settings[i].ReadTrainable())(t), must(one.ReadTrainable())(t))
					closeMaps(t, fmt.Sprintf("setting %d", i), must(j.Settings[i].ReadOptimizer())(t), must(one.ReadOptimizer())(t))
					closeMaps(t, fmt.Sprintf("setting %d", i), tensor.Map{"logits": must(j.Logits(i, values))(t)}, tensor.Map{"logits": must(one.Logits(images))(t)})
				}
			})
		}
	}
}

// closeMaps compares tensors to 1e-5 of the largest value of each.
func closeMaps(t *testing.T, what string, got, want tensor.Map) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: tensors %v, alone %v", what, got.Names(), want.Names())
	}
	for name, w := range want {
		worst, largest := 0.0, 0.0
		for i, v := range w.Float32() {
			largest = max(largest, math.Abs(float64(v)))
			worst = max(worst, math.Abs(float64(v-got[name].Float32()[i])))
		}
		if worst > 1e-5*largest {
			t.Errorf("%s: %s differs by %.3g of %.3g from that of a run of its own", what, name, worst, largest)
		}
	}
}

// TestJointRunsBackboneOnce counts the products of matrices that a step executes. A block of a ViT has six with weights (queries, keys, values,
// projection, and two of the MLP), the embedding has one. Of linear a setting adds the classifier's and that of its weight's gradient.
func TestJointRunsBackboneOnce(t *testing.T) {
	const prefix = 6*4 + 1
	for _, n := range []int{0, 4} {
		j := openJoint(t, 0, differentRates("linear", n+1)...)
		if got := countProducts(t, j.trunk.builder.Graph(), j.prefixRun()); got != prefix {
			t.Errorf("linear, %d settings: %d products of the backbone, want %d", n+1, got, prefix)
		}
		for i, s := range j.Settings {
			if got := countProducts(t, j.trunk.builder.Graph(), s.nodes.whole()); got != 2 {
				t.Errorf("linear, setting %d of %d: %d products of its own, want 2", i, n+1, got)
			}
		}
	}
	// DTL's block 3 of 4 sees feedback: a step runs three blocks once, and the fourth in each setting.
	j := openJoint(t, 0, differentRates("dtl", 3)...)
	if got, want := countProducts(t, j.trunk.builder.Graph(), j.prefixRun()), 6*3+1; got != want {
		t.Errorf("dtl: %d products of the prefix, want %d", got, want)
	}
}

// differentRates returns n settings of a method with different learning rates.
func differentRates(method string, n int) (list []jointCase) {
	for i := range n {
		list = append(list, jointCase{method: method, lr: 1e-3 * float64(i+1), seed: uint64(i)})
	}
	return list
}

// prefixRun is what Prefix runs.
func (j *Joint) prefixRun() stepRun {
	r := stepRun{feeds: []tf.Output{j.trunk.images.Output}}
	for _, name := range j.names {
		r.fetches = append(r.fetches, j.trunk.values[name].Output)
	}
	return r
}

// countProducts counts the MatMul nodes that a run executes: those from which a path leads to what it fetches or changes, and not through what
// it is fed. It reads the graph as TensorFlow writes it.
func countProducts(t *testing.T, g *tf.Graph, r stepRun) (count int) {
	t.Helper()
	var raw bytes.Buffer
	must(g.WriteTo(&raw))(t)
	def := new(pb.GraphDef)
	expect.NoError(t, proto.Unmarshal(raw.Bytes(), def))
	nodes := map[string]int{}
	for i, n := range def.Node {
		nodes[n.Name] = i
	}
	seen := map[string]bool{}
	for _, f := range r.feeds {
		seen[f.Op.Name()] = true
	}
	var visit func(name string)
	visit = func(name string) {
		name, _, _ = strings.Cut(strings.TrimPrefix(name, "^"), ":")
		if seen[name] {
			return
		}
		seen[name] = true
		n := def.Node[nodes[name]]
		if n.Op == "MatMul" {
			count++
		}
		for _, in := range n.Input {
			visit(in)
		}
	}
	for _, f := range r.fetches {
		visit(f.Op.Name())
	}
	for _, target := range r.targets {
		visit(target.Name())
	}
	return count
}

// TestJointRefuses names why settings have nothing to share, and which do not fit together.
func TestJointRefuses(t *testing.T) {
	build := func(change func(s []Setting), methods ...string) error {
		var settings []Setting
		var config Config
		var start Start
		for _, method := range methods {
			m, training, begin := setting{method: method, scope: DropPathSuffix}.resolve(t)
			config, start = m.given, begin
			settings = append(settings, Setting{Method: m.Config.Method, Training: training})
		}
		change(settings)
		_, err := NewJoint(config, settings, graph.FP32, start)
		return err
	}
	same := func([]Setting) {}
	expect.Error(t, build(same, "linear", "lora"), "setting 2", "method lora changes the backbone from its first block on")
	expect.Error(t, build(same, "bitfit"), "setting 1", "method bitfit changes the backbone")
	expect.Error(t, build(same, "full"), "method full changes the backbone")
	expect.Error(t, build(func(s []Setting) { s[1].Training.DropPath, s[1].Training.DropPathScope = 0.1, DropPathAll }, "dtl", "dtl"), "setting 2", "drop path 0.1")
	expect.Error(t, build(func(s []Setting) { s[1].Training.Batch = 8 }, "dtl", "dtl"), "setting 2", "other batches")
	_, err := NewJoint(Config{}, nil, graph.FP32, Start{})
	expect.Error(t, err, "no settings")
}

// TestJointStored: the values that a feature cache holds are those of the settings with the longest demand, and training on them equals
// training on images.
func TestJointStored(t *testing.T) {
	cases := []jointCase{{"dtl", Options{"side-from": "1"}, 1e-2, 0, 1, 0}, {"dtl", Options{"feedback-from": "1"}, 1e-2, 0, 1, 0}}
	fromImages, fromStored := openJoint(t, 0, cases...), openJoint(t, 0, cases...)
	var names []string
	for _, s := range fromStored.Stored() {
		names = append(names, fmt.Sprint(s.Name, s.Shape))
	}
	if got, want := strings.Join(names, " "), "x_01[17 12] x_02[17 12] x_03[17 12] x_00[17 12]"; got != want {
		t.Errorf("stored are %s, want %s", got, want)
	}
	for step := range 3 {
		images, labels := batchOf(step)
		values := must(fromImages.Prefix(images))(t)
		given := must(fromStored.Given(must(fromStored.ComputeStored(images))(t)))(t)
		for i := range cases {
			want := must(fromImages.Step(i, values, Targets{Labels: labels}, 1e-2, step))(t)
			if got := must(fromStored.Step(i, given, Targets{Labels: labels}, 1e-2, step))(t); got != want {
				t.Errorf("setting %d, step %d: loss %v from stored values, %v from images", i, step, got, want)
			}
		}
		values.Free()
	}
	_, err := fromStored.Given(nil)
	expect.Error(t, err, "0 stored values were given, the settings read 4")
	_, err = fromStored.Settings[0].Logits(tensor.Zeros(1, micro.Image, micro.Image, 3))
	expect.Error(t, err, "reads stored values, no images")
}
