package dtl

import (
	"math"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/backbone/familytest"
)

func init() { familytest.Register() }

// TestStages puts every method on a family of two stages, of different widths and with a step between them. Those that apply have
// the gradients of TensorFlow's own differentiation, the same ones however much is recomputed, and the same steps from stored
// values; the others say why they do not apply.
func TestStages(t *testing.T) {
	stored := map[string]string{"linear": "features", "dtl": "x_00 x_01 z_01", "dtl+": "x_00 x_01 z_01"}
	for _, method := range Names() {
		t.Run(method, func(t *testing.T) {
			if _, _, err := NewMethod(method, nil, familytest.Small); err != nil {
				if want := "2 stages"; !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--method "+method) {
					t.Fatalf("refused with %q, want %q in it", err, want)
				}
				return
			}
			options := Options{}
			if Ours(method) { // with the default, the maps of the first stage would lead nowhere
				options["feedback-from"] = "1"
			}
			c := setting{arch: familytest.Small, method: method, options: options, dropPath: 0.5, batch: 4, adapter: randomAdapter, pool: backbone.PoolMean}
			if method == "lora" || method == "ssf" { // the toy has no attention, so some of their parameters lead nowhere
				return
			}
			kept := c.start(t)
			checkTrainingGradients(t, kept)
			images, labels := someBatch(kept, 4)
			_, loss, want, err := kept.Gradients(images, labels)
			if err != nil {
				t.Fatal(err)
			}
			c.mode, c.chunkValues = graph.RecomputeBlocks, 480
			_, again, got, err := c.start(t).Gradients(images, labels)
			if err != nil {
				t.Fatal(err)
			}
			if !(math.Abs(again-loss) <= 1e-5*loss) {
				t.Errorf("loss %v with blocks recomputed, %v without", again, loss)
			}
			for name := range want {
				if off := relative(floats(got[name]), floats(want[name])); off > 5e-5 {
					t.Errorf("gradient of %s is off by %.2g with blocks recomputed", name, off)
				}
			}

			c.mode, c.chunkValues, c.dropPath = graph.RecomputeNone, 0, 0
			plain := c.start(t)
			var names []string
			for _, v := range plain.Stored() {
				names = append(names, v.Name)
			}
			if got := strings.Join(names, " "); got != stored[method] {
				t.Errorf("stored are %q, want %q", got, stored[method])
			}
			if len(names) == 0 {
				return
			}
			c.store = graph.FP32
			fed := c.start(t)
			values := must(fed.ComputeStored(images))(t)
			for step := range 3 {
				want := must(plain.Step(images, labels, 1e-2, step))(t)
				got := must(fed.StepStored(values, labels, 1e-2, step))(t)
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
	if got := (setting{arch: familytest.Small, method: "dtl+"}).start(t).Counts().Method; got != 306 {
		t.Errorf("%d parameters, want 306", got)
	}
}
