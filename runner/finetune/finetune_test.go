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

// prepared returns a run that is ready to train.
func prepared(t *testing.T, c Config) *run {
	t.Helper()
	ui := runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"}
	folder, err := result.OpenFolder(c.Out, result.Refuse)
	expect.NoError(t, err)
	t.Cleanup(folder.Close)
	p, err := newPlan(t.Context(), c.filled(), ui.Version, ui.Note)
	expect.NoError(t, err)
	t.Cleanup(p.data.close)
	r, _, err := p.begin(t.Context(), folder, ui)
	expect.NoError(t, err)
	t.Cleanup(r.close)
	return r
}

// TestFrozenWeightChanged: a run whose frozen weights are not those it started with fails and gives no accuracy.
func TestFrozenWeightChanged(t *testing.T) {
	r := prepared(t, smallRun(t))
	started, err := r.trainer.ReadFrozen()
	expect.NoError(t, err)
	values := started["Transformer/encoder_norm/bias"].Float32()
	values[3] = math.Nextafter32(values[3], 1) // one bit of one weight
	r.frozen = started.SHA256()
	expect.Error(t, r.run(context.Background()), "a frozen weight of the backbone changed", "can't be trusted")
	got, err := result.ReadRun(r.config.Out)
	expect.NoError(t, err)
	if got.Status != result.Failed || got.Accuracy != nil || got.Frozen.Before == got.Frozen.After {
		t.Errorf("run.json: %s, accuracy %v, %+v", got.Status, got.Accuracy, got.Frozen)
	}
}

// TestSnapshot: values that are not finite never become the state that is kept, though the loss was finite still.
func TestSnapshot(t *testing.T) {
	r := prepared(t, smallRun(t))
	expect.NoError(t, r.snapshot(train.Info{Epoch: 1, Step: 2}))
	good := r.good
	bad := tensor.Map{}
	for name, v := range good {
		bad[name] = v.Clone()
	}
	bad["head.bias"].Float32()[1] = float32(math.Inf(1))
	moments, err := r.trainer.ReadOptimizer()
	expect.NoError(t, err)
	for name, v := range moments {
		bad[name] = v
	}
	expect.NoError(t, r.trainer.Restore(bad))
	err = r.snapshot(train.Info{Epoch: 2, Step: 4, Rate: 0.5})
	expect.Error(t, err, "epoch 2", "step 4", "Inf")
	var diverged *train.DivergedError
	if !errors.As(err, &diverged) {
		t.Errorf("%v is no DivergedError", err)
	}
	if r.good.SHA256() != good.SHA256() || r.record.Progress.Epochs != 1 {
		t.Errorf("the state of epoch %d is kept, want that of epoch 1", r.record.Progress.Epochs)
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
