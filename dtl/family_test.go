package dtl

import (
	"math"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/backbone/familytest"
)

func init() { familytest.Register() }

// TestStages puts every method on a family of two stages of different widths with a reduction between them. Methods that support
// it have TensorFlow's gradients, the same gradients in every recompute mode, and the same steps on stored values. The others
// say why they do not support it.
func TestStages(t *testing.T) {
	stored := map[string]string{"linear": "features", "dtl": "x_00 x_01 z_01", "dtl+": "x_00 x_01 z_01"}
	for _, method := range Names() {
		t.Run(method, func(t *testing.T) {
			if _, _, err := newMethod(method, nil, familytest.Small); err != nil {
				if want := "2 stages"; !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "method "+method) {
					t.Fatalf("refused with %q, want %q in it", err, want)
				}
				return
			}
			options := Options{}
			if Ours(method) { // with the default, no feedback would depend on the maps of the first stage
				options["feedback-from"] = "1"
			}
			c := setting{arch: familytest.Small, method: method, options: options, dropPath: 0.5, batch: 4, adapter: randomAdapter, pool: backbone.PoolMean}
			if !slices.Contains(append(someMethods(), "adapter"), method) {
				return
			}
			if strings.HasPrefix(method, "vpt-") { // the toy merges no tokens of a method (swin_test.go has a backbone that does)
				return
			}
			if method == "lora" || method == "ssf" { // the toy has no attention, so the loss does not depend on some of their parameters
				return
			}
			saved := c.start(t)
			checkTrainingGradients(t, saved, c.startPlain(t))
			images, labels := someBatch(saved.Trainer, 4)
			_, loss, want, err := gradientsOf(saved, images, labels)
			if err != nil {
				t.Fatal(err)
			}
			c.mode, c.chunkValues = graph.RecomputeBlocks, 480
			_, recomputed, got, err := gradientsOf(c.start(t), images, labels)
			if err != nil {
				t.Fatal(err)
			}
			if !(math.Abs(recomputed-loss) <= 1e-5*loss) {
				t.Errorf("loss %v with blocks recomputed, %v without", recomputed, loss)
			}
			for name := range want {
				if off := relative(floats(got[name]), floats(want[name])); off > 5e-5 {
					t.Errorf("gradient of %s is off by %.2g with blocks recomputed", name, off)
				}
			}

			c.mode, c.chunkValues, c.dropPath = graph.RecomputeNone, 0, 0
			plain := c.start(t)
			var names []string
			for _, v := range plain.Stored(plain.training) {
				names = append(names, v.Name)
			}
			if got := strings.Join(names, " "); got != stored[method] {
				t.Errorf("the stored values are %q, want %q", got, stored[method])
			}
			if len(names) == 0 {
				return
			}
			fed := c.startStored(t, graph.FP32)
			values := must(fed.ComputeStored(images))(t)
			for step := range 3 {
				want := must(plain.Step(images, labels, 1e-2, step))(t)
				got := must(fed.Step(values, labels, 1e-2, step))(t)
				if !(math.Abs(got-want) <= 1e-5*want) {
					t.Errorf("step %d: loss %v on stored values, %v on images", step, got, want)
				}
			}
		})
	}
}

// TestStagesCount: DTL+ on two stages of two blocks, 6 and 12 wide, has rank 2 maps of each width and a 3 x 3 filter a stage:
// 2 (2 x 2 x 6) + 2 (2 x 2 x 12) + 9 x 6 + 9 x 12 = 306.
func TestStagesCount(t *testing.T) {
	if got := (setting{arch: familytest.Small, method: "dtl+", options: Options{"rank": "2", "kernel": "3"}}).start(t).Counts().Method; got != 306 {
		t.Errorf("%d parameters, want 306", got)
	}
}
