package dtl

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// TestMeanEnd compares logits, loss and gradients of steps whose last block computes only the mean of its tokens with those of steps that
// compute all tokens.
func TestMeanEnd(t *testing.T) {
	for _, c := range []setting{
		{method: "dtl", dropPath: 0.5}, {method: "full"},
		{method: "dtl", mode: graph.RecomputeBlocks, chunkValues: 300}, {method: "dtl", precision: graph.BF16},
	} {
		t.Run(fmt.Sprint(c.method, c.mode, c.precision), func(t *testing.T) {
			c.adapter, c.pool, c.batch = randomAdapter, backbone.PoolMean, 4
			start := func(onlyMean bool) *ImageTrainer {
				model, training, start := c.resolve(t)
				if !model.prefix.onlyMean {
					t.Fatal("the last block computes all tokens")
				}
				model.prefix.onlyMean = onlyMean
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
				if strings.HasSuffix(name, "/key/bias") {
					continue // its gradient is 0: the softmax does not depend on it
				}
				if off := relative(floats(got[name]), floats(want[name])); off > 5*tolerance {
					t.Errorf("the gradient of %s is off by %.2g", name, off)
				}
			}
		})
	}
}

// TestMeanEndReaders: a method that reads or changes tokens of the last block after the hidden units gets all of them. One that acts before
// or after does not need them, and a pool of class tokens never makes a mean.
func TestMeanEndReaders(t *testing.T) {
	last := micro.Blocks()[micro.Depth-1]
	of := func(hook func(b *graph.Builder, at backbone.Tap, in, out graph.Value, scale func(graph.Value) graph.Value) graph.Value, pool backbone.Pool) *Model {
		return must(New(Config{Arch: micro, Std: [3]float64{1, 1, 1}, Method: tapReader{hook: hook}, Pool: pool, Classes: 3}))(t)
	}
	for point, wants := range map[backbone.Point]bool{
		backbone.Query: false, backbone.FC1: false, backbone.FC2: true, backbone.MLPBranch: true, backbone.MLPOutput: true, backbone.BlockOutput: true,
		backbone.BlockInput: false,
	} {
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
			}, backbone.PoolMean)
			fromTokens := reads && point == backbone.BlockInput // nothing changes the blocks, so a pass may start from what the last one gives
			if m.prefix.onlyMean == (wants || fromTokens) {
				t.Errorf("point %d, reads %t: only the mean of the tokens is computed: %t", point, reads, m.prefix.onlyMean)
			}
		}
	}
	none := func(b *graph.Builder, at backbone.Tap, in, out graph.Value, scale func(graph.Value) graph.Value) graph.Value {
		return out
	}
	for pool, wants := range map[backbone.Pool]bool{backbone.PoolMean: true, backbone.PoolClass: false, backbone.PoolBoth: false} {
		m := of(none, pool)
		if m.prefix.onlyMean != wants {
			t.Errorf("pool %s: only the mean of the tokens is computed: %t", pool, m.prefix.onlyMean)
		}
		means := 0
		for _, op := range m.builder.Graph().Operations() {
			if strings.Contains(op.Name(), "/mlp/mean/") {
				means++
			}
		}
		if (means > 0) != wants {
			t.Errorf("pool %s: %d nodes take the mean of hidden units", pool, means)
		}
	}
}
