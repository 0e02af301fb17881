// Package tensorboard writes event files for TensorBoard: TFRecord records (tensorflow/core/lib/io/record_writer.h) of Event
// messages (tensorflow/core/util/event.proto).
//
// TensorBoard shows the files of a folder as one run, in the order of their names. The file of a resumed run starts with SessionLog
// START and its first step, from which on TensorBoard drops the events of earlier files (_CheckForRestartAndMaybePurge in
// tensorboard/backend/event_processing), so no step is shown twice.
package tensorboard

import (
	"encoding/binary"
	"fmt"
	"os"
	"time"

	summary "github.com/wamuir/graft/tensorflow/core/framework/summary_go_proto"
	event "github.com/wamuir/graft/tensorflow/core/util/event_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/runner/internal/tfrecord"
	"dtl-tf/runner/train"
)

// The tags of the curves in TensorBoard.
const (
	TagStepLoss  = "loss/step"         // of every step
	TagEpochLoss = "loss/epoch"        // mean over the steps of an epoch
	TagRate      = "learning_rate"     // of an epoch
	TagSpeed     = "images_per_second" // of an epoch, including waits for input
	TagAccuracy  = "accuracy/"         // followed by the split: top-1 in percent, measured once at the end
	TagValTop1   = "accuracy/val"      // top-1 on the validation images in percent, of the epochs looked at
	TagMAP       = "map/"              // followed by the split: mean average precision from 0 to 1, in the place of top-1 with --loss bce
	TagValMAP    = "map/val"           // the same on the validation images
	TagValLoss   = "loss/val"          // mean cross-entropy on them
)

// fileVersion is the first event of a file. TensorBoard heeds SessionLog START from version 2 on.
const fileVersion = "brain.Event:2"

// Board writes the event file of one run. It writes each event immediately with a single call, so a killed run leaves a readable
// file.
type Board struct {
	folder string
	now    func() time.Time
	file   *os.File // nil before the loop starts
}

// New returns a board that will write into the folder of a run.
func New(folder string) *Board { return &Board{folder: folder, now: time.Now} }

// Attach attaches the board to a loop. It creates the file when the loop starts; TensorBoard then hides curves of later steps that
// a killed run left in the folder.
func (b *Board) Attach(h *train.Hooks) {
	const name = "tensorboard"
	h.OnStart(name, func(i train.Info) error { return b.open(i.Step + 1) })
	h.OnStep(name, func(i train.Info) error { return b.Scalar(i.Step, TagStepLoss, i.Loss) })
	h.OnEpochEnd(name, func(i train.Info) error {
		values := []*summary.Summary_Value{scalar(TagEpochLoss, i.MeanLoss), scalar(TagRate, i.Rate), scalar(TagSpeed, i.ImagesPerSecond())}
		if l := i.Look; l != nil && l.Epoch == i.Epoch {
			if l.MAP != nil {
				values = append(values, scalar(TagValMAP, *l.MAP), scalar(TagValLoss, l.Loss))
			} else {
				values = append(values, scalar(TagValTop1, l.Top1), scalar(TagValLoss, l.Loss))
			}
		}
		return b.scalars(i.Step, values...)
	})
}

// Scalar adds a point to a curve. The loop must have started.
func (b *Board) Scalar(step int, tag string, value float64) error {
	return b.scalars(step, scalar(tag, value))
}

// Close closes the file, if any.
func (b *Board) Close() error {
	if b.file == nil {
		return nil
	}
	err := b.file.Close()
	b.file = nil
	return err
}

// open starts a file before step next.
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

// write adds an event with the current time. The error names the file.
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

// frame returns a record: the length of data, the checksum of the length, data, and its checksum.
func frame(data []byte) []byte {
	out := make([]byte, 0, 8+4+len(data)+4)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(data)))
	out = binary.LittleEndian.AppendUint32(out, tfrecord.Checksum(out))
	out = append(out, data...)
	return binary.LittleEndian.AppendUint32(out, tfrecord.Checksum(data))
}
