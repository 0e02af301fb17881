package tensorboard

import (
	"fmt"
	"os"
	"time"

	summary "github.com/wamuir/graft/tensorflow/core/framework/summary_go_proto"
	event "github.com/wamuir/graft/tensorflow/core/util/event_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/runner/train"
)

// Tags are the names under which TensorBoard shows the curves.
const (
	TagStepLoss  = "loss/step"         // of every step
	TagEpochLoss = "loss/epoch"        // mean over an epoch's steps
	TagRate      = "learning_rate"     // of an epoch
	TagSpeed     = "images_per_second" // of an epoch, waiting for input included
	TagAccuracy  = "accuracy/"         // with the split behind it: top-1 in percent, measured once at the end
)

// fileVersion is the first event of every file. From version 2 on TensorBoard goes by SessionLog START.
const fileVersion = "brain.Event:2"

// Board is the event file of one run. Every event is written at once and in one piece, so a killed run
// leaves a readable file.
type Board struct {
	folder string
	now    func() time.Time
	file   *os.File // nil before the loop begins
}

// New is a board whose file will lie in folder, the run's. Nothing is written yet.
func New(folder string) *Board { return &Board{folder: folder, now: time.Now} }

// Attach makes the board watch a loop. The file is made when the loop begins, and curves of later
// steps that a killed run has left in the folder are dropped from view.
func (b *Board) Attach(h *train.Hooks) {
	const name = "tensorboard"
	h.OnStart(name, func(i train.Info) error { return b.open(i.Step + 1) })
	h.OnStep(name, func(i train.Info) error { return b.Scalar(i.Step, TagStepLoss, i.Loss) })
	h.OnEpochEnd(name, func(i train.Info) error {
		return b.scalars(i.Step, scalar(TagEpochLoss, i.MeanLoss), scalar(TagRate, i.Rate), scalar(TagSpeed, i.ImagesPerSecond()))
	})
}

// Scalar adds a point to a curve. The loop must have begun.
func (b *Board) Scalar(step int, tag string, value float64) error {
	return b.scalars(step, scalar(tag, value))
}

// Close closes the file, if there is one.
func (b *Board) Close() error {
	if b.file == nil {
		return nil
	}
	err := b.file.Close()
	b.file = nil
	return err
}

// open begins a file with the step that comes next.
func (b *Board) open(next int) (err error) {
	if b.file, err = createFile(b.folder, b.now()); err != nil {
		return fmt.Errorf("making an event file: %w", err)
	}
	if err := b.write(&event.Event{What: &event.Event_FileVersion{FileVersion: fileVersion}}); err != nil {
		return err
	}
	start := &event.SessionLog{Status: event.SessionLog_START}
	return b.write(&event.Event{Step: int64(next), What: &event.Event_SessionLog{SessionLog: start}})
}

func scalar(tag string, value float64) *summary.Summary_Value {
	return &summary.Summary_Value{Tag: tag, Value: &summary.Summary_Value_SimpleValue{SimpleValue: float32(value)}}
}

func (b *Board) scalars(step int, values ...*summary.Summary_Value) error {
	return b.write(&event.Event{Step: int64(step), What: &event.Event_Summary{Summary: &summary.Summary{Value: values}}})
}

// write adds an event with the time of now. The error names the file.
func (b *Board) write(e *event.Event) error {
	e.WallTime = float64(b.now().UnixMicro()) / 1e6
	data, err := proto.Marshal(e)
	if err != nil {
		return fmt.Errorf("event for %s: %w", b.file.Name(), err)
	}
	if _, err := b.file.Write(frame(data)); err != nil {
		return fmt.Errorf("event file: %w", err)
	}
	return nil
}
