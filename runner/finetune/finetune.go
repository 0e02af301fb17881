// Package finetune is a training run. A plan has settings, backbone, method and data; a run has the model, trains it and
// records what happens.
package finetune

import (
	"context"

	"dtl-tf/runner"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// Run trains a method on a data set, evaluates it once on the test images, writes the run folder and prints the result. If ctx
// is cancelled, Run saves what has been done and returns an error that wraps context.Canceled.
func Run(ctx context.Context, c Config, ui runner.UI) (result.Run, error) {
	ui.Err = report.NewScreen(ui.Err) // loaders write notes from other goroutines
	c = c.filled()
	if err := c.check(); err != nil {
		return result.Run{}, err
	}
	if c.Auto.Out {
		c.Out = defaultOut(c.Data, c.Resume || c.Overwrite)
		ui.Note("--out %s", c.Out)
	}
	folder, err := result.OpenFolder(c.Out, c.policy())
	if err != nil {
		return result.Run{}, err
	}
	defer folder.Close()
	defer limitGarbage()()
	p, err := newPlan(ctx, c, ui.Version, ui.Note)
	if err != nil {
		return result.Run{}, err
	}
	defer p.data.close()
	if err := p.settleMemory(folder, ui.Note); err != nil {
		return result.Run{}, err
	}
	if err := p.checkFits(); err != nil {
		return result.Run{}, err
	}
	r, finished, err := p.begin(ctx, folder, ui)
	if err != nil {
		return result.Run{}, err
	}
	if finished != nil {
		ui.Note("the run in %s is finished: nothing is left to do", c.Out)
		return *finished, report.Runs(ui.Out, report.Text, *finished)
	}
	defer r.close()
	err = r.run(ctx)
	return r.record, err
}

func (c Config) policy() result.Policy {
	switch {
	case c.Overwrite:
		return result.Overwrite
	case c.Resume:
		return result.Resume
	}
	return result.Refuse
}
