package dtl

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/need"
)

// viTs are small networks of the families of ViTs, by description.
var viTs = map[string]string{
	"dinov2":         "image=16,patch=4,width=16,depth=2,heads=2,mlp=32,layer-scale=yes",
	"dinov2_reg4":    "image=16,patch=4,width=16,depth=2,heads=2,mlp=32,registers=4,positions=patches,layer-scale=yes",
	"dinov2_giant":   "image=16,patch=4,width=16,depth=2,heads=2,mlp=32,layer-scale=yes,swiglu=yes",
	"deit3":          "image=16,patch=4,width=16,depth=2,heads=2,mlp=32,positions=patches,layer-scale=yes",
	"deit_distilled": "image=16,patch=4,width=16,depth=2,heads=2,mlp=32,distillation-token=yes",
	"dinov3":         "image=16,patch=4,width=16,depth=2,heads=2,mlp=32,eps=1e-05,registers=4,positions=none,rotary=dinov3,qkv-bias=none,layer-scale=yes,normed-mean=yes",
	"dinov3_plus":    "image=16,patch=4,width=16,depth=2,heads=2,mlp=32,eps=1e-05,registers=4,positions=none,rotary=dinov3,qkv-bias=qv,layer-scale=yes,swiglu=yes,normed-mean=yes",
	"clip":           "image=16,patch=4,width=16,depth=2,heads=2,mlp=32,eps=1e-05,patch-bias=no,pre-norm=yes,activation=quick_gelu",
	"siglip":         "image=16,patch=4,width=16,depth=2,heads=2,mlp=32,class-token=no,activation=gelu_tanh,attention-pool=yes,normed-mean=yes",
	"eva02":          "image=16,patch=4,width=16,depth=2,heads=2,mlp=32,rotary=eva02,qkv-bias=qv,swiglu=yes,inner-norm=yes",
}

// viTMethods has small sizes for every method.
var viTMethods = map[string]Options{
	"dtl": {"feedback-from": "1"}, "dtl+": {"feedback-from": "1", "kernel": "3"}, "full": nil, "linear": nil, "bitfit": nil,
	"vpt-shallow": {"prompts": "3"}, "vpt-deep": {"prompts": "3"}, "adapter": {"bottleneck": "5"}, "adaptformer": {"bottleneck": "5"},
	"lora": {"rank": "3"}, "ssf": nil, "fact-tt": {"rank": "3"}, "fact-tk": {"rank": "3"},
	"noah": {"prompt-sizes": "2", "lora-sizes": "2", "adapter-sizes": "2"}, "lst": {"reduction": "1"},
	"res-tuning-bypass": {"bottleneck": "5"}, "adapter+": {"bottleneck": "5"}, "vqt": {"queries": "2"}, "lra": {"rank": "4"},
}

// onViT is a method on one of viTs, with the pool that a run would take.
func onViT(t *testing.T, family, method string) setting {
	t.Helper()
	arch := must(backbone.Parse("vit:" + viTs[family]))(t)
	m, _, err := newMethod(method, viTMethods[method], arch)
	if err != nil {
		t.Fatal(err)
	}
	c := setting{arch: arch, method: method, options: viTMethods[method], pool: backbone.DefaultPool(arch, m.Pool()), noise: 0.2, batch: 4}
	if method != "full" { // its adapter would be the whole backbone
		c.adapter = randomRival
	}
	return c
}

// quickViT has the methods of quick tests: all on a family that has nearly everything, DTL+ and full fine-tuning on those that have
// parts of their own, and none on those whose parts others have too.
var quickViT = map[string][]string{
	"dinov3_plus":    slices.Collect(maps.Keys(viTMethods)),
	"dinov2_giant":   {"dtl+"},
	"deit3":          {"full"},
	"deit_distilled": {"dtl+", "full"},
	"clip":           {"dtl+", "full"},
	"siglip":         {"dtl+", "full"},
	"eva02":          {"dtl+", "full"},
}

// eachViT runs a subtest for each family with each method; in quick tests for those of quickViT.
func eachViT(t *testing.T, test func(t *testing.T, family, method string)) {
	for family := range viTs {
		for method := range viTMethods {
			if !need.AllowsHeavy() && !slices.Contains(quickViT[family], method) {
				continue
			}
			t.Run(family+"/"+method, func(t *testing.T) {
				t.Parallel()
				test(t, family, method)
			})
		}
	}
}

// TestViTMethods: every method is covered.
func TestViTMethods(t *testing.T) {
	for _, name := range Names() {
		if _, ok := viTMethods[name]; !ok && name != "shift" { // of example_test.go
			t.Errorf("%s is not covered", name)
		}
	}
}

// TestViTGradients: the gradients of every method on every family are those of finite differences, without rotary positions also
// TensorFlow's (which has none for Bitcast), and the same in chunks of one or two samples that are recomputed.
func TestViTGradients(t *testing.T) {
	eachViT(t, func(t *testing.T, family, method string) {
		c := onViT(t, family, method)
		c.dropPath = 0.5
		saved := c.start(t)
		var plain *ImageTrainer
		if !strings.Contains(viTs[family], "rotary") {
			plain = c.startPlain(t)
		}
		checkRivalGradients(t, saved, plain)
		modes := []graph.Recompute{graph.RecomputeBlocks, graph.RecomputeActivations}
		if !need.AllowsHeavy() {
			modes = modes[:1]
		}
		checkRecomputed(t, c, saved, 600, modes)
	})
}

// TestViTStored: the prefix of every method is found, and steps on stored values equal steps on images.
func TestViTStored(t *testing.T) {
	wanted := map[string]string{"linear": "features", "dtl": "x_00 x_01 x_02", "dtl+": "x_00 x_01 x_02", "lst": "x_00 x_01 x_02", "res-tuning-bypass": "x_00 x_01 x_02", "vqt": "x_00 x_01 x_02", "lra": "sum_00"}
	eachViT(t, func(t *testing.T, family, method string) {
		c := onViT(t, family, method)
		m, training, _ := c.resolve(t)
		var names []string
		for _, v := range m.Stored(training) {
			names = append(names, v.Name)
		}
		if got := strings.Join(names, " "); got != wanted[method] {
			t.Errorf("stored is %q, want %q", got, wanted[method])
		}
		if names == nil {
			return
		}
		plain, stored := c.start(t), c.startStored(t, graph.FP32)
		images, labels := someBatch(plain.Trainer, 3)
		values := must(stored.ComputeStored(images))(t)
		for step := range 2 {
			want := must(plain.Step(images, labels, 1e-2, step))(t)
			got := must(stored.Step(values, labels, 1e-2, step))(t)
			if !(math.Abs(got-want) <= 1e-5*want) {
				t.Errorf("step %d: loss %v on stored values, %v on images", step, got, want)
			}
		}
	})
}

// TestViTServed: the model for other programs gives the logits of the predictor.
func TestViTServed(t *testing.T) {
	eachViT(t, func(t *testing.T, family, method string) {
		c := onViT(t, family, method)
		s := c.start(t)
		images, _ := someBatch(s.Trainer, 5)
		for i := range images.Float32() {
			images.Float32()[i] = (images.Float32()[i] + 1) / 2
		}
		want := floats(must(s.Logits(images))(t))

		_, _, start := c.resolve(t)
		config := s.Model.given
		served := must(NewServed(config, 0))(t)
		values := maps.Clone(config.Weights(start.Weights))
		maps.Copy(values, must(s.ReadTrainable())(t))
		session := closed(t, must(graph.NewSession(served.Builder.Graph(), threads))(t))
		if err := served.Variables.Assign(session, values); err != nil {
			t.Fatal(err)
		}
		out := must(session.Run([]graph.Feed{{Output: served.Floats.Images.Output, Value: images}}, []tf.Output{served.Floats.Logits.Output}))(t)
		if off := relative(floats(out[0]), want); !(off <= 1e-5) {
			t.Errorf("logits off by %.2g", off)
		}
	})
}

// TestViTMerge: BitFit, LoRA and SSF become part of the weights, LayerScale and missing biases included.
func TestViTMerge(t *testing.T) {
	for family := range viTs {
		for _, method := range []string{"bitfit", "lora", "ssf"} {
			if !need.AllowsHeavy() && method != "ssf" && family != "dinov3_plus" {
				continue
			}
			c := onViT(t, family, method)
			t.Run(family, func(t *testing.T) { checkMerge(t, c) })
		}
	}
}

// TestViTPools: the classifier reads 2d features under mean+cls and cls+dist, with the gradients of finite differences.
func TestViTPools(t *testing.T) {
	for _, p := range []struct {
		family string
		pool   backbone.Pool
	}{{"dinov2_reg4", backbone.PoolBoth}, {"deit_distilled", backbone.PoolDistilled}, {"siglip", backbone.PoolMean}, {"dinov3", backbone.PoolMean}} {
		for _, method := range []string{"linear", "vpt-deep", "full"} {
			t.Run(fmt.Sprint(p.family, p.pool, method), func(t *testing.T) {
				c := onViT(t, p.family, method)
				c.pool = p.pool
				s := c.start(t)
				if want := backbone.FeatureWidth(c.arch, p.pool); !slices.Equal(s.AdapterShapes()[HeadWeight], []int{3, want}) {
					t.Errorf("the classifier has shape %v, want %d columns", s.AdapterShapes()[HeadWeight], want)
				}
				checkRivalGradients(t, s, nil)
			})
		}
	}
	if _, err := New(Config{Arch: must(backbone.Parse("vit:" + viTs["siglip"]))(t), Method: must(methodOf("linear"))(t), Pool: backbone.PoolClass, Classes: 2}); err == nil {
		t.Error("a SigLIP has no class token, but cls is accepted")
	}
}

func methodOf(name string) (Method, error) {
	m, _, err := newMethod(name, nil, micro)
	return m, err
}

// TestViTFolded: a method that trains the backbone keeps LayerScale as weights, the others fold it into the layer before it and still
// compute the backbone's own function.
func TestViTFolded(t *testing.T) {
	logits := map[string][]float64{}
	for _, method := range []string{"linear", "full", "bitfit", "lora"} {
		c := onViT(t, "dinov3_plus", method)
		c.pool, c.adapter = backbone.PoolClass, head
		s := c.start(t)
		scales := 0
		for _, v := range slices.Concat(s.Frozen.All(), s.Trainable.All()) {
			if strings.Contains(v.Name, "LayerScale") {
				scales++
			}
		}
		want := 0
		if method == "full" || method == "bitfit" {
			want = 4
		}
		if scales != want {
			t.Errorf("%s has %d tensors of LayerScale, want %d", method, scales, want)
		}
		images, _ := someBatch(s.Trainer, 5)
		logits[method] = floats(must(s.Logits(images))(t))
	}
	for method, got := range logits {
		if off := relative(got, logits["full"]); !(off <= 1e-5) {
			t.Errorf("%s starts %.2g off", method, off)
		}
	}
}
