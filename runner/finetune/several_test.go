package finetune

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/infer"
	"dtl-tf/runner/internal/datatest"
	"dtl-tf/runner/result"
)

// severalRun is smallRun on a table whose images are red, bright, both or neither.
func severalRun(t *testing.T) Config {
	t.Helper()
	c := smallRun(t)
	table := "path,label,split\n"
	for i := range 24 {
		name := fmt.Sprintf("s%d.png", i)
		hue, shade := uint8(160*(i%2)), uint8(200*(i/2%2)+i)
		datatest.Image(t, filepath.Join(c.Data, name), hue, shade)
		var labels []string
		if hue > 0 {
			labels = append(labels, "hue")
		}
		if shade > 100 {
			labels = append(labels, "shade")
		}
		split := "train"
		if i >= 16 {
			split = "test"
		}
		table += name + "," + strings.Join(labels, "|") + "," + split + "\n"
	}
	c.Data = filepath.Join(c.Data, "table.csv")
	expect.NoError(t, os.WriteFile(c.Data, []byte(table), 0o666))
	c.Loss, c.Epochs, c.Batch, c.LearningRate, c.Report = LossSigmoid, 30, 8, 0.1, true
	return c
}

// TestSeveral: images of several labels are learned; the run and its adapter record the loss, and its files are those of figures that
// make sense. A stopped run ends as one in one piece does.
func TestSeveral(t *testing.T) {
	c := severalRun(t)
	whole, tensors := trainedBy(t, c, "whole")
	out := filepath.Join(filepath.Dir(c.Data), "whole")
	f := whole.Several
	if f == nil || whole.Accuracy != nil || f.Images != 8 || f.Split != "test" || f.MAP < 0.9 || f.MicroF1 < 0.8 || f.ExactMatch < 0.6 || f.Epoch != 30 {
		t.Fatalf("%+v, %+v", f, whole.Accuracy)
	}
	record, err := ReadRecord(whole.Config)
	expect.NoError(t, err)
	a, err := result.ReadAdapter(filepath.Join(out, result.AdapterFile))
	expect.NoError(t, err)
	if record.Loss != LossSigmoid || a.Meta[result.KeyLoss] != result.LossSeveral {
		t.Errorf("recorded: %q, %q", record.Loss, a.Meta[result.KeyLoss])
	}
	for name, want := range map[string]string{result.PredictionsFile: "image,true,predicted,probability of hue,probability of shade\ns16.png,,", result.PerClassFile: "class,images,predicted"} {
		raw, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || !strings.HasPrefix(string(raw), want) {
			t.Errorf("%s: %s, %v", name, raw, err)
		}
	}
	for name, want := range map[string]bool{result.EvaluationFile: true, result.ReportFile: true, result.ConfusionFile: false} {
		if _, err := os.Stat(filepath.Join(out, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	rest := c
	rest.Out, rest.Resume = killed(t, c, stopAfter(13)), true
	r, err := Run(context.Background(), rest, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	expect.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(rest.Out, result.AdapterFile))
	expect.NoError(t, err)
	if !bytes.Equal(got, tensors) || !reflect.DeepEqual(r.Several, f) {
		t.Errorf("resumed: %+v, in one piece %+v", r.Several, f)
	}
}

// TestSeveralTargets: smoothing by s makes 1 - s/2 of 1 and s/2 of 0, as in the expected values of dtl.
func TestSeveralTargets(t *testing.T) {
	targets := &targeter{classes: 3, sets: [][]int{{1, 2}, {}, {0}}}
	targets.policy.LabelSmoothing = 0.1
	got := targets.of([]int32{2, 0, 1}, 1).Soft.Float32()
	if want := []float32{0.95, 0.05, 0.05, 0.05, 0.95, 0.95, 0.05, 0.05, 0.05}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestSeveralRefused: what is about images of one class is named.
func TestSeveralRefused(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"--data photos: class folders and lists give an image one class": func(c *Config) { c.Data = "photos" },
		"--class-weights: ":    func(c *Config) { c.ClassWeights = "balanced" },
		"--sampler balanced: ": func(c *Config) { c.Sampler = SamplerBalanced },
	} {
		c := Default()
		c.Data, c.Loss = "table.csv", LossSigmoid
		expect.NoError(t, c.Check())
		change(&c)
		expect.Error(t, c.Check(), "--loss bce is not possible with "+want)
	}
}

// TestSeveralMixed: targets of mixed images are those of the image and of its partner, the one at the same place of the reversed batch,
// by their shares: 0.75 of the first and 0.25 of the last. Smoothing follows, as it is linear.
func TestSeveralMixed(t *testing.T) {
	targets := &targeter{classes: 3, sets: [][]int{{1, 2}, {}, {0, 1}}}
	got := targets.of([]int32{0, 1, 2}, 0.75).Soft.Float32()
	if want := []float32{0.25, 1, 0.75, 0, 0, 0, 0.75, 1, 0.25}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	targets.policy.LabelSmoothing = 0.5
	got = targets.of([]int32{0, 1, 2}, 0.75).Soft.Float32()
	if want := []float32{0.375, 0.75, 0.625, 0.25, 0.25, 0.25, 0.625, 0.75, 0.375}; !reflect.DeepEqual(got, want) {
		t.Errorf("smoothed: %v, want %v", got, want)
	}
}

// TestSeveralSelection: a table without splits is divided; looks have loss and mean average precision, which choose the epoch; eval finds
// the test images of split.csv; a stopped run ends as one in one piece does. Also with mixed images.
func TestSeveralSelection(t *testing.T) {
	c := severalRun(t)
	raw, err := os.ReadFile(c.Data)
	expect.NoError(t, err)
	table := strings.NewReplacer(",train", "", ",test", "", ",split", "").Replace(string(raw))
	expect.NoError(t, os.WriteFile(c.Data, []byte(table), 0o666))
	c.Val, c.Test, c.Select, c.Patience, c.Epochs, c.Augment, c.TensorBoard = 0.25, 0.25, SelectBest, 3, 12, "mixup=0.2,cutmix=1", true
	whole, tensors := trainedBy(t, c, "whole")
	s := whole.Selection
	if s == nil || len(s.Looks) == 0 || s.Looks[0].MAP == nil || s.Looks[0].Loss <= 0 || s.Chosen == 0 || whole.Several.Epoch != s.Chosen {
		t.Fatalf("%+v, %+v", s, whole.Several)
	}
	best := s.Best()
	for _, look := range s.Looks {
		if *look.MAP > *best.MAP || *look.MAP == *best.MAP && look.Epoch < best.Epoch {
			t.Errorf("epoch %d was chosen, and %d is better", best.Epoch, look.Epoch)
		}
	}
	out := filepath.Join(filepath.Dir(c.Data), "whole")
	record, err := os.ReadFile(filepath.Join(out, result.RunFile))
	expect.NoError(t, err)
	if !strings.Contains(string(record), `"map": `) || strings.Contains(string(record), `"top1"`) {
		t.Error("run.json has other figures of the looks")
	}
	metrics, err := os.ReadFile(filepath.Join(out, result.MetricsFile))
	expect.NoError(t, err)
	if !strings.HasPrefix(string(metrics), "epoch,step,lr,loss,images_per_second,seconds,val_map,val_loss\n") {
		t.Errorf("%s", metrics)
	}
	boards, err := filepath.Glob(filepath.Join(out, "events.*"))
	if err != nil || len(boards) != 1 {
		t.Fatalf("%v, %v", boards, err)
	}
	events, err := os.ReadFile(boards[0])
	expect.NoError(t, err)
	if bytes.Count(events, []byte("map/val")) != whole.Progress.Epochs || bytes.Count(events, []byte("loss/val")) != whole.Progress.Epochs || bytes.Count(events, []byte("map/test")) != 1 || bytes.Contains(events, []byte("accuracy")) {
		t.Error("TensorBoard's curves are others")
	}
	page, err := os.ReadFile(filepath.Join(out, result.ReportFile))
	if err != nil || !strings.Contains(string(page), "mean average precision in %") {
		t.Errorf("the report has no curve of the looks: %v", err)
	}
	split, err := os.ReadFile(filepath.Join(out, result.SplitFile))
	expect.NoError(t, err)
	if !strings.Contains(string(split), ",hue|shade,") || strings.Count(string(split), "\n") != 25 {
		t.Errorf("%s", split)
	}
	evaluation := infer.EvalConfig{Data: c.Data, Split: "test", Batch: 5}
	evaluation.Adapter, evaluation.Backbone.Path = filepath.Join(out, result.AdapterFile), c.Path
	score, err := infer.Eval(t.Context(), evaluation, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
	expect.NoError(t, err)
	if score.Several.MAP != whole.Several.MAP || score.Several.Images != whole.Several.Images {
		t.Errorf("eval: %+v, the run: %+v", score.Several, whole.Several)
	}
	rest := c
	rest.Out, rest.Resume = killed(t, c, stopAfter(3)), true
	r, err := Run(context.Background(), rest, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	expect.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(rest.Out, result.AdapterFile))
	expect.NoError(t, err)
	if !bytes.Equal(got, tensors) || !reflect.DeepEqual(r.Selection, s) {
		t.Errorf("resumed: %+v, in one piece %+v", r.Selection, s)
	}
	held := c
	held.Val, held.Test, held.Select, held.Patience, held.Holdout = 0, 0, SelectLast, 0, 0.25
	h, _ := trainedBy(t, held, "held")
	if h.Several == nil || h.Several.Images < 4 || h.Several.Images > 8 {
		t.Errorf("held out: %+v", h.Several)
	}
}
