package vit

import (
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/need"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/tensor"
)

// withHead is a small random backbone with a head of its own and distinct weights.
func withHead(t *testing.T, classes, hidden int) *backbone.Backbone {
	t.Helper()
	a, err := backbone.Parse("vit:image=32,patch=8,width=48,depth=2,heads=3,mlp=96")
	if err != nil {
		t.Fatal(err)
	}
	bb, err := backbone.Random(a, 11)
	if err != nil {
		t.Fatal(err)
	}
	arch := bb.Architecture.(Architecture)
	arch.Labels, arch.Hidden = classes, hidden
	bb.Architecture = arch
	bb.Mean, bb.Std = [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}
	random := rand.New(rand.NewPCG(5, 7))
	for _, s := range bb.Specs() {
		w := tensor.Zeros(s.Shape...)
		for i := range w.Float32() {
			w.Float32()[i] = float32(0.3 * random.NormFloat64())
		}
		bb.Weights[s.Name] = w
	}
	return bb
}

func randomImages(n, side int) tensor.Tensor {
	images := tensor.Zeros(n, side, side, 3)
	random := rand.New(rand.NewPCG(1, 3))
	for i := range images.Float32() {
		images.Float32()[i] = random.Float32()
	}
	return images
}

// forward runs the backbone as the program does, without a SavedModel.
func forward(t *testing.T, bb *backbone.Backbone, images tensor.Tensor, pool backbone.Pool) (features, logits []float32) {
	t.Helper()
	b, vars := graph.New(graph.RecomputeNone), graph.NewVariables()
	in := b.Placeholder("in", tf.Float, images.Shape...)
	f := &backbone.Forward{Arch: bb.Architecture, Weight: func(name string, shape ...int) graph.Value {
		return vars.Declare(b, name, false, shape...).Value
	}}
	x := b.Normalise(in, bb.Mean, bb.Std)
	fetches := []tf.Output{f.Features(b.In("a"), x, pool).Output}
	if bb.Classes() > 0 {
		fetches = append(fetches, bb.OwnHead(f, b, f.Features(b.In("b"), x, bb.Pool)).Output)
	}
	s, err := graph.NewSession(b.Graph(), graph.SessionOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := vars.Assign(s, bb.Weights); err != nil {
		t.Fatal(err)
	}
	out, err := s.Run([]graph.Feed{{Output: in.Output, Value: images}}, fetches)
	if err != nil {
		t.Fatal(err)
	}
	if bb.Classes() > 0 {
		logits = out[1].Float32()
	}
	return out[0].Float32(), logits
}

// serve runs an exported model by its signature, like any user of TensorFlow.
func serve(t *testing.T, dir string, images tensor.Tensor) map[string][]float32 {
	t.Helper()
	m, err := tf.LoadSavedModel(dir, []string{savedmodel.Tag}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Session.Close()
	signature := m.Signatures[savedmodel.Signature]
	output := func(info tf.TensorInfo) tf.Output {
		operation, _, _ := strings.Cut(info.Name, ":")
		return m.Graph.Operation(operation).Output(0)
	}
	flat, err := tf.NewTensor(images.Float32())
	if err != nil {
		t.Fatal(err)
	}
	shape := make([]int64, len(images.Shape))
	for i, d := range images.Shape {
		shape[i] = int64(d)
	}
	if err := flat.Reshape(shape); err != nil {
		t.Fatal(err)
	}
	got := map[string][]float32{}
	for name, info := range signature.Outputs {
		out, err := m.Session.Run(map[tf.Output]*tf.Tensor{output(signature.Inputs[backbone.ImagesInput]): flat}, []tf.Output{output(info)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range out[0].Value().([][]float32) {
			got[name] = append(got[name], row...)
		}
	}
	return got
}

func wantClose(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= 1e-6*math.Max(1, math.Abs(float64(want[i])))) {
			t.Fatalf("%s: number %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func export(t *testing.T, bb *backbone.Backbone, pool backbone.Pool) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := bb.Export(dir, pool, graph.FP32); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestExportRunsInTensorFlow(t *testing.T) {
	images := randomImages(3, 32)
	for _, c := range []struct {
		name            string
		classes, hidden int
		pool            backbone.Pool
	}{{"no head", 0, 0, backbone.PoolMean}, {"head", 5, 0, ""}, {"head, other pool", 5, 0, backbone.PoolMean}, {"pre-logits", 5, 7, backbone.PoolClass}} {
		t.Run(c.name, func(t *testing.T) {
			bb := withHead(t, c.classes, c.hidden)
			got := serve(t, export(t, bb, c.pool), images)
			pool := c.pool
			if pool == "" {
				pool = bb.Pool
			}
			features, logits := forward(t, bb, images, pool)
			wantClose(t, "features", got[backbone.FeaturesOutput], features)
			if c.classes > 0 {
				wantClose(t, "logits", got[backbone.LogitsOutput], logits)
			} else if _, ok := got[backbone.LogitsOutput]; ok {
				t.Error("a backbone without head gives logits")
			}
		})
	}
}

func TestExportIsReadBack(t *testing.T) {
	bb := withHead(t, 5, 7)
	dir := export(t, bb, backbone.PoolMean)
	got, err := backbone.Load(t.Context(), dir, backbone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Description, bb.Description) {
		t.Errorf("description %+v, want %+v", got.Description, bb.Description)
	}
	if got.Weights.SHA256() != bb.Weights.SHA256() {
		t.Error("weights came back changed")
	}
	if got.Format != "savedmodel" || got.Path != dir || len(got.SHA256) != 64 {
		t.Errorf("format %q, path %q, sha256 %q", got.Format, got.Path, got.SHA256)
	}
	embedded, err := backbone.LoadFS(t.Context(), os.DirFS(dir), "built-in default", backbone.Options{Image: 48})
	if err != nil {
		t.Fatal(err)
	}
	if embedded.Path != "built-in default" || embedded.SHA256 != got.SHA256 || embedded.ImageSize() != 48 {
		t.Errorf("path %q, image %d, sha256 %q and %q", embedded.Path, embedded.ImageSize(), embedded.SHA256, got.SHA256)
	}
	if _, err := backbone.Load(t.Context(), dir, backbone.Options{Heads: 4}); err == nil || !strings.Contains(err.Error(), "the number of heads 4 contradicts") {
		t.Errorf("other heads: %v", err)
	}
	if err := bb.Export(dir, "", graph.FP32); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("exporting twice: %v", err)
	}
}

// TestSavedModelRefused damages an exported backbone and checks that every error names the model and the damage in one line.
func TestSavedModelRefused(t *testing.T) {
	bb := withHead(t, 0, 0)
	whole := os.DirFS(export(t, bb, ""))
	file := func(name string) []byte {
		raw, err := fs.ReadFile(whole, name)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	const index, data, about = "variables/variables.index", "variables/variables.data-00000-of-00001", "assets.extra/backbone.json"
	describe := func(old, new string) []byte {
		raw := string(file(about))
		if !strings.Contains(raw, old) {
			t.Fatalf("%s does not hold %q", about, old)
		}
		return []byte(strings.Replace(raw, old, new, 1))
	}
	for _, c := range []struct {
		name, file string
		content    []byte // nil: the file is missing
		want       string
	}{
		{"no model", "saved_model.pb", nil, "not a SavedModel: saved_model.pb is missing"},
		{"garbage model", "saved_model.pb", []byte("garbage"), "saved_model.pb"},
		{"no description", about, nil, "not written by dtl-tf: " + about},
		{"garbage description", about, []byte("{"), about + ": unexpected end of JSON"},
		{"foreign description", about, []byte("{}"), `format is "", wanted`},
		{"later version", about, describe(`"version": 1`, `"version": 2`), "version 2, this dtl-tf reads version 1"},
		{"no pool", about, describe(`"pool": "cls"`, `"pool": "max"`), `unknown pool "max"`},
		{"no eps", about, describe(`"layer_norm_eps": 0.000001`, `"layer_norm_eps": 0`), "layer_norm_eps"},
		{"no std", about, describe(`0.229`, `0`), "std"},
		{"no mean", about, describe(`"mean"`, `"average"`), "mean and std have 0 and 3 numbers"},
		{"a mean of two numbers", about, describe("0.485,\n", ""), "mean and std have 2 and 3 numbers"},
		{"a std of four numbers", about, describe("0.229,", "0.229, 1,"), "mean and std have 3 and 4 numbers"},
		{"impossible width", about, describe(`"width": 48`, `"width": 49`), "can't be split into 3 heads"},
		{"other width", about, describe(`"width": 48`, `"width": 96`), "has shape"},
		{"too deep", about, describe(`"depth": 2`, `"depth": 1000000`), "1000000 blocks"},
		{"deeper", about, describe(`"depth": 2`, `"depth": 3`), "encoderblock_2"},
		{"a head that isn't there", about, describe(`"classes": 0`, `"classes": 3`), "head/kernel"},
		{"impossible head", about, describe(`"classes": 0`, `"classes": -3`), "classes = -3"},
		{"no index", index, nil, index + ": the file is missing"},
		{"garbage index", index, []byte(strings.Repeat("garbage ", 20)), index + ": damaged"},
		{"truncated index", index, file(index)[:100], index + ": damaged"},
		{"no data", data, nil, data + ": the file is missing"},
		{"truncated data", data, file(data)[:5000], data + ": truncated: tensor "},
		{"damaged data", data, append([]byte{1, 2, 3, 4}, file(data)[4:]...), data + ": damaged: the checksum of tensor "},
	} {
		t.Run(c.name, func(t *testing.T) {
			damaged := fstest.MapFS{}
			for _, name := range []string{"saved_model.pb", index, data, about} {
				if name != c.file {
					damaged[name] = &fstest.MapFile{Data: file(name)}
				} else if c.content != nil {
					damaged[name] = &fstest.MapFile{Data: c.content}
				}
			}
			_, err := backbone.LoadFS(t.Context(), damaged, "some/model", backbone.Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "some/model") {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
		})
	}
	bb.Weights[patchBias].Float32()[3] = float32(math.NaN())
	if _, err := backbone.Load(t.Context(), export(t, bb, ""), backbone.Options{}); err == nil || !strings.Contains(err.Error(), patchBias+" is NaN") {
		t.Errorf("NaN: %v", err)
	}
}

// TestExportOfARealBackbone exports a pre-trained ViT-Ti/16 with its 1000-way head.
func TestExportOfARealBackbone(t *testing.T) {
	bb, err := backbone.Load(t.Context(), need.Shared(t, "backbones", "vit_tiny_patch16_224.npz"), backbone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := export(t, bb, "")
	got, err := backbone.Load(t.Context(), dir, backbone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Description != bb.Description || got.Weights.SHA256() != bb.Weights.SHA256() {
		t.Error("description or weights came back changed")
	}
	images := randomImages(1, bb.ImageSize())
	served := serve(t, dir, images)
	features, logits := forward(t, bb, images, bb.Pool)
	for i, v := range served[backbone.LogitsOutput] { // activations of a real backbone are large, and so are their rounding errors
		if d := math.Abs(float64(v - logits[i])); !(d <= 1e-4) {
			t.Fatalf("logit %d is %v, want %v", i, v, logits[i])
		}
	}
	if len(served[backbone.FeaturesOutput]) != len(features) || len(served[backbone.LogitsOutput]) != 1000 {
		t.Errorf("%d features, %d logits", len(served[backbone.FeaturesOutput]), len(served[backbone.LogitsOutput]))
	}
}

func BenchmarkLoadSavedModel(b *testing.B) {
	a, err := backbone.Parse("vit_ti16")
	if err != nil {
		b.Fatal(err)
	}
	bb, err := backbone.Random(a, 1)
	if err != nil {
		b.Fatal(err)
	}
	dir := filepath.Join(b.TempDir(), "model")
	if err := bb.Export(dir, "", graph.FP32); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(4 * backbone.Parameters(a)))
	for b.Loop() {
		if _, err := backbone.Load(b.Context(), dir, backbone.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
