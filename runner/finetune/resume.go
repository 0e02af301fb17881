package finetune

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/runner"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/result"
)

// resume finds out where the run in the folder stopped and puts this one there: behind its end, at its last
// checkpoint, or at the start if it was stopped before it had written one.
func (f *fineTuning) resume() error {
	old, runErr := result.ReadRun(f.folder.Path(result.RunFile))
	var foreign *result.ForeignError
	if errors.As(runErr, &foreign) {
		return runErr
	}
	if runErr == nil && old.Status == result.Finished && f.exists(result.AdapterFile) {
		if err := f.sameRun(old); err != nil {
			return err
		}
		f.finished = &old
		return nil
	}
	c, err := f.checkpoints.Newest()
	switch {
	case err == nil:
		return f.restore(c)
	case !errors.Is(err, checkpoint.ErrNone):
		return err
	case errors.Is(runErr, fs.ErrNotExist): // killed while it read its input
	case runErr != nil:
		return fmt.Errorf("there is no checkpoint and no readable run.json to resume from (start again with --overwrite): %w", runErr)
	default:
		if err := f.sameRun(old); err != nil {
			return err
		}
	}
	f.note("the run in %s was stopped before its first checkpoint: starting from the beginning", f.folder.Path(""))
	return nil
}

func (f *fineTuning) exists(name string) bool {
	_, err := os.Stat(f.folder.Path(name))
	return err == nil
}

// restore puts the session into the state of the checkpoint.
func (f *fineTuning) restore(c *checkpoint.Checkpoint) error {
	for _, d := range c.Damaged {
		f.note("a checkpoint is damaged, going on from the one before: %v", d)
	}
	if err := f.sameSettings(c.Config); err != nil {
		return wrapUnlessUsage(c.Path, err)
	}
	mine := f.inputs()
	switch {
	case c.Inputs.Backbone != mine.Backbone:
		return errOtherBackbone
	case c.Inputs.Data != mine.Data:
		return errOtherData
	case c.Inputs.Adapter != mine.Adapter:
		return runner.Usagef("--resume with another --init-adapter is refused: the run began with other values")
	case c.Position.Epochs > f.config.Epochs:
		return fmt.Errorf("checkpoint %s: it claims %d epochs of a run of %d", c.Path, c.Position.Epochs, f.config.Epochs)
	}
	if err := f.session.Restore(c.Tensors); err != nil {
		return fmt.Errorf("checkpoint %s: %w", c.Path, err)
	}
	var err error
	if f.good, err = f.session.ReadTrainable(); err != nil {
		return err
	}
	bad, err := f.data.train.LeaveOut(c.Bad)
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", c.Path, err)
	}
	f.data.skipped.Know(bad)
	f.from, f.written, f.before = c.Position, c.Position, c.Measurements
	f.metrics = result.NewMetricsLog(f.folder.Path(result.MetricsFile), c.Metrics...)
	f.record.Progress = result.Progress{Epochs: c.Position.Epochs, Steps: c.Position.Steps}
	f.record.Measurements = c.Measurements
	f.record.Earlier = c.Earlier
	if c.Versions != f.record.Versions || !c.Device.SameNumbers(f.record.Device) {
		f.record.Earlier = append(slices.Clip(c.Earlier), result.Part{Steps: c.Position.Steps, Versions: c.Versions, Device: c.Device})
	}
	f.tellResumed(c)
	return nil
}

func (f *fineTuning) tellResumed(c *checkpoint.Checkpoint) {
	switch p := c.Position; {
	case p.Epochs == f.config.Epochs:
		f.note("resuming after the last epoch")
	case p.StepInEpoch > 0:
		f.note("resuming in epoch %d after step %d", p.Epochs+1, p.Steps)
	default:
		f.note("resuming after epoch %d", p.Epochs)
	}
	if c.Versions != f.record.Versions || !c.Device.SameNumbers(f.record.Device) {
		f.note("program, TensorFlow, processor or the number of threads (%d before, %d now) are not those that the run began with: its result may differ in the last digits from that of a run in one piece", c.Device.Threads, f.record.Device.Threads)
	}
}

// startMetrics makes metrics.csv hold the lines of the epochs that are done, and no others.
func (f *fineTuning) startMetrics() error {
	if !f.config.Resume {
		return nil
	}
	path, rows := f.folder.Path(result.MetricsFile), f.metrics.Rows()
	if len(rows) > 0 {
		return result.WriteMetrics(path, rows)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("starting the metrics: %w", err)
	}
	return nil
}

var (
	errOtherBackbone = runner.Usagef("--resume with another backbone is refused: its weights have changed")
	errOtherData     = runner.Usagef("--resume with other data is refused: the lists or images have changed")
)

// sameRun refuses to go on with a run that began otherwise, as its run.json tells.
func (f *fineTuning) sameRun(old result.Run) error {
	if err := f.sameSettings(old.Config); err != nil {
		return wrapUnlessUsage(f.folder.Path(result.RunFile), err)
	}
	switch {
	case old.Backbone.SHA256 != f.record.Backbone.SHA256:
		return errOtherBackbone
	case old.Data.Fingerprint != f.record.Data.Fingerprint:
		return errOtherData
	}
	return nil
}

// sameSettings refuses a configuration, as JSON, that gives another result.
func (f *fineTuning) sameSettings(config []byte) error {
	var old resolved
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	if err := d.Decode(&old); err != nil {
		return fmt.Errorf("its settings are not those of this version of the program: %w", err)
	}
	if differs := old.differs(f.resolved()); differs != "" {
		return runner.Usagef("--resume with other settings is refused: %s", differs)
	}
	return nil
}

// wrapUnlessUsage names the file in errors about it; what the user asked for is not the file's fault.
func wrapUnlessUsage(path string, err error) error {
	var usage *runner.UsageError
	if errors.As(err, &usage) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// mayChange are the settings that a resumed run may have otherwise: they change no result. The number of threads, which nobody need
// have given and another machine may not have, changes the last digits only, as the processor does: a note tells.
var mayChange = map[string]bool{"out": true, "data": true, "backbone": true, "checkpoint_every": true, "init_adapter": true, "threads": true}

// differs names the first setting in which two configurations differ, as the user would type it.
func (r resolved) differs(other resolved) string {
	a, b := reflect.ValueOf(r), reflect.ValueOf(other)
	for i := range a.NumField() {
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
		x, y := reflect.Indirect(a.Field(i)), reflect.Indirect(b.Field(i))
		if mayChange[name] || fmt.Sprint(x) == fmt.Sprint(y) {
			continue
		}
		if options, ok := x.Interface().(dtl.Options); ok {
			return differentOption(options, y.Interface().(dtl.Options))
		}
		return fmt.Sprintf("--%s was %v and is %v now", strings.ReplaceAll(name, "_", "-"), x, y)
	}
	return ""
}

// differentOption names the first option in which two settings of the same method differ.
func differentOption(a, b dtl.Options) string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if a[name] != b[name] {
			return fmt.Sprintf("--%s was %s and is %s now", name, a[name], b[name])
		}
	}
	return ""
}
