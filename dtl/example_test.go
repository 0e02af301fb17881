package dtl_test

import (
	"fmt"
	"log"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	_ "dtl-tf/graph/backbone/all" // registers the families of backbones
	"dtl-tf/graph/tensor"
)

// Train DTL on a small backbone with random weights and read what an adapter file would hold. For real use, backbone.Load reads
// a weight file, and runner.FineTune adds the data, the schedule and the checkpoints.
func Example() {
	arch, err := backbone.Parse("vit:image=16,patch=4,width=12,depth=4,heads=2,mlp=48")
	if err != nil {
		log.Fatal(err)
	}
	frozen, err := backbone.Random(arch, 1)
	if err != nil {
		log.Fatal(err)
	}
	method, options, err := dtl.NewMethod("dtl", dtl.Values{"rank": 3}, arch)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("rank", options["rank"], "and feedback from block", options["feedback-from"])

	const batch, classes = 4, 2
	model, err := dtl.New(dtl.Config{
		Arch: arch, Mean: frozen.Mean, Std: frozen.Std, Method: method, Pool: method.Pool(),
		Classes: classes,
	})
	if err != nil {
		log.Fatal(err)
	}
	counts := model.Counts()
	fmt.Println(counts.Method, "parameters of the method,", counts.Classifier, "of the classifier")

	trainer, err := dtl.NewImageTrainer(model, dtl.Training{Batch: batch, WeightDecay: 0.05}, dtl.Start{
		Session: graph.SessionOptions{Threads: 1}, Weights: frozen.Weights, Seed: 42,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()
	images, labels := blackAndWhite(batch, arch.ImageSize())
	first, err := trainer.Step(images, labels, 0.01, 0)
	if err != nil {
		log.Fatal(err)
	}
	last := first
	for step := 1; step < 10; step++ {
		if last, err = trainer.Step(images, labels, 0.01, step); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("the loss fell:", last < first)

	adapter, err := trainer.ReadTrainable()
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range adapter.Names() {
		fmt.Println(name, adapter[name].Shape)
	}
	// Output:
	// rank 3 and feedback from block 2
	// 288 parameters of the method, 26 of the classifier
	// the loss fell: true
	// head.bias [2]
	// head.weight [2 12]
	// lora_dict.0.lora_A [3 12]
	// lora_dict.0.lora_B [12 3]
	// lora_dict.1.lora_A [3 12]
	// lora_dict.1.lora_B [12 3]
	// lora_dict.2.lora_A [3 12]
	// lora_dict.2.lora_B [12 3]
	// lora_dict.3.lora_A [3 12]
	// lora_dict.3.lora_B [12 3]
}

// blackAndWhite is a batch [B, S, S, 3] in which black images have the label 0 and white ones the label 1.
func blackAndWhite(batch, side int) (tensor.Tensor, []int32) {
	pixels, labels := make([]uint8, batch*side*side*3), make([]int32, batch)
	for i := range labels {
		labels[i] = int32(i % 2)
		for k := range side * side * 3 {
			pixels[i*side*side*3+k] = uint8(255 * (i % 2))
		}
	}
	return tensor.Must(pixels, batch, side, side, 3), labels
}

// shift is a method of one's own. It adds a trainable vector, times a factor, to the output of each block's MLP.
type shift struct{ factor float64 }

func init() {
	dtl.Register(dtl.Definition{
		Name: "shift", Place: 75, Options: []dtl.Option{{Name: "factor", Kind: dtl.Number, Text: "factor of the vectors", Default: "2"}},
		New: func(o *dtl.Reader, _ backbone.Architecture) dtl.Method { return shift{o.Positive("factor", 2)} },
	})
}

func (shift) Name() string              { return "shift" }
func (shift) Pool() backbone.Pool       { return backbone.PoolMean }
func (shift) Trains(backbone.Spec) bool { return false }

func (s shift) Attach(p *dtl.Params, a backbone.Architecture) func() backbone.Hook {
	var vectors []graph.Value
	for _, block := range a.Blocks() {
		vectors = append(vectors, p.DeclareFree(fmt.Sprintf("shift.%d", block.Index), dtl.Zeros, block.Width))
	}
	return func() backbone.Hook {
		return func(b *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			if at.Point != backbone.MLPOutput {
				return out
			}
			return b.AddRow(out, b.Scale(vectors[at.Block.Index], s.factor))
		}
	}
}

// A registered method is built by name like any other. dtl-tf then has its flags, its rows in tables and its adapter files.
func ExampleRegister() {
	arch, err := backbone.Parse("vit_ti16")
	if err != nil {
		log.Fatal(err)
	}
	method, options, err := dtl.NewMethod("shift", nil, arch)
	if err != nil {
		log.Fatal(err)
	}
	model, err := dtl.New(dtl.Config{Arch: arch, Std: [3]float64{1, 1, 1}, Method: method, Pool: method.Pool(), Classes: 10})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(method.Name(), options, model.Counts().Method)
	_, _, err = dtl.NewMethod("shift", dtl.Values{"factor": -1.0}, arch)
	fmt.Println(err)
	// Output:
	// shift map[factor:2] 2304
	// factor -1 is not possible: it must be above 0 and at most 1e9
}
