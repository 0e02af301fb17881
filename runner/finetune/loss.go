package finetune

import (
	"fmt"
	"math"
	"slices"

	"dtl-tf/dtl"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/data/augment"
)

// What --loss accepts.
const (
	LossSoftmax = string(dtl.CrossEntropy)       // an image has one class
	LossSigmoid = string(dtl.BinaryCrossEntropy) // any number of classes
)

// What --sampler accepts.
const (
	SamplerUniform  = "uniform"
	SamplerBalanced = "balanced"
)

// lossSettings are those of what an epoch draws, of what a step minimises, and of what it does with the gradient and the weights.
func (c *Config) lossSettings() []runner.Setting {
	const group = runner.GroupTraining
	return []runner.Setting{
		{
			Name: "loss", Group: group, Value: &c.Loss, OneOf: []string{LossSoftmax, LossSigmoid},
			Help: "`ce|bce`: cross-entropy of the softmax, for images of one class; or of a sigmoid for each class, for a table in which an image has several labels, as a|b in CSV or a list in JSON",
		},
		{
			Name: "sampler", Group: group, Value: &c.Sampler, OneOf: []string{SamplerUniform, SamplerBalanced},
			Help: "images of an epoch, `uniform|balanced`: each image once, or as many draws with replacement, each class equally likely",
		},
		{
			Name: "class-weights", Group: group, Value: &c.ClassWeights,
			Help: "weights of the classes in the loss, `balanced|FILE`: balanced is images / (classes x images of the class); a file has lines CLASS,WEIGHT",
		},
		{
			Name: "clip-grad", Group: group, Value: &c.ClipGrad, Max: 1e9,
			Help: "largest `norm` of the gradient of everything that trains; a longer one is scaled down (0: no limit)",
		},
		{
			Name: "ema", Group: group, Value: &c.EMA, Max: 0.999999,
			Help: "`decay` of a moving average of everything that trains, such as 0.999: the average is evaluated and saved (0: none)",
		},
	}
}

// checkSeveral refuses what is about images of one class.
func (c Config) checkSeveral() error {
	for _, v := range []struct {
		given     bool
		flag, why string
	}{
		{!data.IsTable(c.Data), "--data " + c.Data, "class folders and lists give an image one class: write a table, .csv, .tsv or .jsonl"},
		{c.ClassWeights != "", "--class-weights", "the weight of an image is that of its class, and here an image has any number of classes"},
		{c.Sampler == SamplerBalanced, "--sampler balanced", "it draws a class and then an image of it, which would draw the other classes of the image too"},
		{len(c.Targets) > 0, "targets", "their classes are matched one by one"},
	} {
		if v.given {
			return runner.Usagef("--loss bce is not possible with %s: %s", v.flag, v.why)
		}
	}
	return nil
}

// checkLoss validates these settings.
func (c Config) checkLoss() error {
	switch {
	case c.Loss == LossSigmoid:
		return c.checkSeveral()
	case c.Sampler == SamplerBalanced && !c.Shuffle:
		return runner.Usagef("--sampler balanced and --shuffle=false contradict each other: it draws images at random")
	case c.Sampler == SamplerBalanced && c.ClassWeights == ClassWeightsBalanced:
		return runner.Usagef("--sampler balanced and --class-weights balanced correct the same imbalance twice: give one of them")
	}
	return nil
}

// targeter makes the targets of batches. Its memory is used again.
type targeter struct {
	policy  augment.Policy
	classes int
	weights []float32 // of the classes, nil without --class-weights
	sets    [][]int   // classes of an image by its label, with --loss bce
	soft    []float32
	sample  []float32
}

// of returns the targets of a batch whose images are mixed with the share lambda. They are valid until the next call.
//
// The weighted loss is that of torch.nn.CrossEntropyLoss(weight, label_smoothing) for the labels: the sum over images and classes of
// -w_c q_ic log p_ic, for the smoothed label q_i, divided by the sum of the weights of the labels. For mixed images it is lambda times
// that plus 1 - lambda times that of the partners' labels, which have the same sum. A step takes probabilities and a weight for each
// image, so w_c q_ic is divided by its sum over the classes, which becomes the weight.
func (t *targeter) of(labels []int32, lambda float64) dtl.Targets {
	if t.sets != nil {
		return t.several(labels, lambda)
	}
	targets := dtl.Targets{Labels: labels}
	if t.policy.Soft() {
		t.soft = t.policy.Targets(t.soft[:0], labels, lambda, t.classes)
		targets = dtl.Targets{Soft: tensor.Must(t.soft, len(labels), t.classes)}
	}
	if t.weights == nil {
		return targets
	}
	sum := 0.0 // of the weights of the whole batch
	for _, label := range labels {
		sum += float64(t.weights[label])
	}
	t.sample = t.sample[:0]
	for i, label := range labels {
		weight := float64(t.weights[label])
		if targets.Labels == nil {
			weight = weigh(t.soft[i*t.classes:][:t.classes], t.weights)
		}
		t.sample = append(t.sample, float32(weight*float64(len(labels))/sum))
	}
	targets.Weights = t.sample
	return targets
}

// several are targets of 1 for each class of an image and 0 for the others. Smoothing by s makes of a target v the target
// v (1 - s) + s / 2. Targets of mixed images are lambda times their own plus 1 - lambda times those of their partners, as their pixels are:
// the images of the batch in reverse order.
func (t *targeter) several(labels []int32, lambda float64) dtl.Targets {
	smoothing := t.policy.LabelSmoothing
	t.soft = t.soft[:0]
	for i, label := range labels {
		mine, partners := t.sets[label], t.sets[labels[len(labels)-1-i]]
		for class := range t.classes {
			v := 0.0
			if slices.Contains(mine, class) {
				v += lambda
			}
			if slices.Contains(partners, class) {
				v += 1 - lambda
			}
			t.soft = append(t.soft, float32(v*(1-smoothing)+smoothing/2))
		}
	}
	return dtl.Targets{Soft: tensor.Must(t.soft, len(labels), t.classes)}
}

// weigh multiplies probabilities by weights, scales them to the sum 1 and returns the sum before.
func weigh(probabilities, weights []float32) (sum float64) {
	for c, p := range probabilities {
		sum += float64(p) * float64(weights[c])
	}
	for c, p := range probabilities {
		probabilities[c] = float32(float64(p) * float64(weights[c]) / sum)
	}
	return sum
}

// averageNote says what the average of a run of a number of steps is, and warns of one that has hardly begun.
func (c Config) averageNote(steps int) string {
	text := fmt.Sprintf("--ema %v: the moving average of the weights is what is evaluated and saved", c.EMA)
	if left := math.Pow(c.EMA, float64(steps)); left > 0.01 {
		text += fmt.Sprintf("; after the %d steps of this run, %.0f %% of it will still be the initial weights: a smaller decay, such as %.2g, forgets them",
			steps, 100*left, math.Floor(100*math.Pow(0.001, 1/float64(steps)))/100)
	}
	return text
}
