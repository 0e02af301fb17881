package finetune

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// prepared is a run that is ready to train.
func prepared(t *testing.T, c Config) *fineTuning {
	t.Helper()
	f := &fineTuning{config: c, ui: runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"}}
	t.Cleanup(f.close)
	expect.NoError(t, f.prepare(context.Background()))
	return f
}

// TestFrozenWeightChanged: a run whose frozen weights are not those it started with fails and gives no accuracy.
func TestFrozenWeightChanged(t *testing.T) {
	f := prepared(t, smallRun(t))
	started, err := f.session.ReadFrozen()
	expect.NoError(t, err)
	values := started["Transformer/encoder_norm/bias"].Float32()
	values[3] = math.Nextafter32(values[3], 1) // one bit of one weight
	f.frozen = started.SHA256()
	expect.Error(t, f.run(context.Background()), "a frozen weight of the backbone changed", "can't be trusted")
	r, err := result.ReadRun(f.config.Out)
	expect.NoError(t, err)
	if r.Status != result.Failed || r.Accuracy != nil || r.Frozen.Before == r.Frozen.After {
		t.Errorf("run.json: %s, accuracy %v, %+v", r.Status, r.Accuracy, r.Frozen)
	}
}

// TestKeep: values that are not finite never become the state that is kept, though the loss was finite still.
func TestKeep(t *testing.T) {
	f := prepared(t, smallRun(t))
	expect.NoError(t, f.keep(train.Info{Epoch: 1, Step: 2}))
	good := f.good
	bad := tensor.Map{}
	for name, v := range good {
		bad[name] = v.Clone()
	}
	bad["head.bias"].Float32()[1] = float32(math.Inf(1))
	moments, err := f.session.ReadOptimizer()
	expect.NoError(t, err)
	for name, v := range moments {
		bad[name] = v
	}
	expect.NoError(t, f.session.Restore(bad))
	err = f.keep(train.Info{Epoch: 2, Step: 4, Rate: 0.5})
	expect.Error(t, err, "epoch 2", "step 4", "Inf")
	var diverged *train.DivergedError
	if !errors.As(err, &diverged) {
		t.Errorf("%v is no DivergedError", err)
	}
	if f.good.SHA256() != good.SHA256() || f.record.Progress.Epochs != 1 {
		t.Errorf("the state of epoch %d is kept, want that of epoch 1", f.record.Progress.Epochs)
	}
}

// TestCancelledBefore: a run that is cancelled before it begins leaves nothing.
func TestCancelledBefore(t *testing.T) {
	c := smallRun(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Run(ctx, c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := result.OpenFolder(c.Out, result.Refuse); err != nil {
		t.Errorf("the folder is left: %v", err)
	}
}
