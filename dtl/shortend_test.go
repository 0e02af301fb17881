package dtl

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// TestShortEnd compares logits, loss and gradients of steps whose last block computes only what the pool reads with those of steps that
// compute all tokens.
func TestShortEnd(t *testing.T) {
	mean := func(s setting) setting { s.pool = backbone.PoolMean; return s }
	cases := []setting{
		mean(setting{method: "dtl", dropPath: 0.5}), mean(setting{method: "full"}),
		mean(setting{method: "dtl", mode: graph.RecomputeBlocks, chunkValues: 300}), mean(setting{method: "dtl", precision: graph.BF16}),
		{method: "dtl", dropPath: 0.5, chunkValues: 300},
	}
	for _, method := range shortByToken {
		s := setting{method: method, dropPath: 0.3}
		switch method { // each once
		case "lora":
			s.mode, s.chunkValues = graph.RecomputeBlocks, 300
		case "ssf":
			s.mode = graph.RecomputeActivations
		case "adapter":
			s.precision = graph.BF16
		}
		cases = append(cases, s)
	}
	for _, c := range cases {
		c.pool = cmp.Or(c.pool, backbone.PoolClass)
		t.Run(fmt.Sprint(c.method, c.pool, c.mode, c.precision), func(t *testing.T) {
			c.adapter, c.batch = randomAdapter, 4
			start := func(short bool) *ImageTrainer {
				model, training, start := c.resolve(t)
				if !model.prefix.shortEnd {
					t.Fatal("the last block computes all tokens")
				}
				model.prefix.shortEnd = short
				return closed(t, must(NewImageTrainer(model, training, start))(t))
			}
			short, long := start(true), start(false)
			images, labels := someBatch(short.Trainer, 4)
			logits, loss, got, err := gradientsOf(short, images, labels)
			if err != nil {
				t.Fatal(err)
			}
			wantLogits, wantLoss, want, err := gradientsOf(long, images, labels)
			if err != nil {
				t.Fatal(err)
			}
			tolerance := 2e-5 // as in TestStages; float32 rounds to 6e-8
			if c.precision == graph.BF16 {
				tolerance = 0.03 // 2^-8, of a few layers
			}
			if off := relative(floats(logits), floats(wantLogits)); off > tolerance {
				t.Errorf("the logits are off by %.2g", off)
			}
			if !(math.Abs(loss-wantLoss) <= tolerance*wantLoss) {
				t.Errorf("loss %v, of all tokens %v", loss, wantLoss)
			}
			for name := range want {
				if strings.HasSuffix(name, "/key/bias") || strings.HasSuffix(name, "ssf_shift_k") {
					continue // its gradient is 0: the softmax does not depend on it
				}
				if off := relative(floats(got[name]), floats(want[name])); off > 5*tolerance {
					t.Errorf("the gradient of %s is off by %.2g", name, off)
				}
			}
		})
	}
}

// shortByToken lists methods that may get only the class token in the last block.
var shortByToken = []string{
	"full", "linear", "bitfit", "vpt-shallow", "vpt-deep", "adapter", "adapter+", "adaptformer", "lora", "ssf", "fact-tt", "fact-tk", "noah",
}

// TestShortEndReaders: a method that reads or changes tokens of the last block which its end leaves out gets all of them. One that acts
// before or after does not need them.
func TestShortEndReaders(t *testing.T) {
	last := micro.Blocks()[micro.Depth-1]
	of := func(hook func(b *graph.Builder, at backbone.Tap, in, out graph.Value, scale func(graph.Value) graph.Value) graph.Value, pool backbone.Pool) *Model {
		return must(New(Config{Arch: micro, Std: [3]float64{1, 1, 1}, Method: tapReader{hook: hook}, Pool: pool, Classes: 3}))(t)
	}
	// What needs all tokens under the pools of the class token and of the mean.
	for point, wants := range map[backbone.Point][2]bool{
		backbone.Query: {}, backbone.Projection: {true, false}, backbone.FC1: {true, false}, backbone.FC2: {true, true}, backbone.MLPBranch: {true, true},
		backbone.MLPOutput: {true, true}, backbone.BlockOutput: {true, true}, backbone.BlockInput: {},
	} {
		for i, pool := range []backbone.Pool{backbone.PoolClass, backbone.PoolMean} {
			for _, reads := range []bool{false, true} {
				var seen graph.Value
				m := of(func(b *graph.Builder, at backbone.Tap, in, out graph.Value, scale func(graph.Value) graph.Value) graph.Value {
					here := at == backbone.Tap{Point: point, Block: last}
					switch {
					case here && reads:
						seen = out
					case here:
						return b.Scale(out, 2)
					case reads && at.Point == backbone.Features:
						return b.After(seen.Op).Add(out, scale(out))
					}
					return out
				}, pool)
				fromTokens := reads && point == backbone.BlockInput // nothing changes the blocks, so a pass may start from what the last one gives
				if m.prefix.shortEnd == (wants[i] || fromTokens) {
					t.Errorf("point %d, pool %s, reads %t: the last block computes only what the pool reads: %t", point, pool, reads, m.prefix.shortEnd)
				}
			}
		}
	}
	none := func(b *graph.Builder, at backbone.Tap, in, out graph.Value, scale func(graph.Value) graph.Value) graph.Value {
		return out
	}
	for pool, wants := range map[backbone.Pool]string{backbone.PoolMean: "/mlp/mean/", backbone.PoolClass: "/attn/query/slice/", backbone.PoolBoth: ""} {
		m := of(none, pool)
		if m.prefix.shortEnd != (wants != "") {
			t.Errorf("pool %s: the last block computes only what the pool reads: %t", pool, m.prefix.shortEnd)
		}
		for _, name := range []string{"/mlp/mean/", "/attn/query/slice/"} {
			nodes := 0
			for _, op := range m.builder.Graph().Operations() {
				if strings.Contains(op.Name(), name) {
					nodes++
				}
			}
			if (nodes > 0) != (name == wants) {
				t.Errorf("pool %s: %d nodes are called %s", pool, nodes, name)
			}
		}
	}
}
