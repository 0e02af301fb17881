package finetune

import (
	"dtl-tf/runner/tensorboard"
	"dtl-tf/runner/train"
)

// startBoard makes the run write event files, if that is asked for. It must come before the hook that writes checkpoints: a run
// that is killed between the two would leave out of its curves what the checkpoint holds.
func (f *fineTuning) startBoard(h *train.Hooks) {
	if f.config.TensorBoard {
		f.board = tensorboard.New(f.folder.Path(""))
		f.board.Attach(h)
	}
}

// showAccuracy adds the result to the event file. It comes after run.json says finished, because such a run is not
// resumed, so the point is never there twice.
func (f *fineTuning) showAccuracy() error {
	if f.board == nil || f.record.Accuracy == nil {
		return nil
	}
	a := f.record.Accuracy
	return f.board.Scalar(f.record.Progress.Steps, tensorboard.TagAccuracy+a.Split, a.Top1)
}
