package finetune

import (
	"context"
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
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// restore describes the run and, with --resume, continues where it stopped: after its end, at its last checkpoint, or at the
// start if it was stopped before the first one. If the run has ended, restore returns it.
func (r *run) restore(ctx context.Context, cache *result.FeatureCache) (finished *result.Run, err error) {
	if err := r.describe(cache); err != nil {
		return nil, err
	}
	r.noteProcessor()
	r.notePrecision()
	r.noteUnused()
	if r.config.Resume {
		if finished, err = r.resume(); err != nil || finished != nil {
			return finished, err
		}
	}
	return nil, interrupted(ctx)
}

// noteUnused notes parameters of the method on which nothing depends.
func (r *run) noteUnused() {
	if n := r.record.Parameters.Unused; n > 0 {
		r.ui.Note("%s of %s (%s parameters) do not train: nothing depends on them",
			report.Count(len(r.trainer.Unused()), "tensor"), r.record.Method, report.Thousands(n))
	}
}

func (r *run) resume() (finished *result.Run, err error) {
	old, runErr := result.ReadRun(r.folder.Path(result.RunFile))
	var foreign *result.ForeignError
	if errors.As(runErr, &foreign) {
		return nil, runErr
	}
	if runErr == nil && old.Status == result.Finished && r.exists(result.AdapterFile) {
		return &old, r.sameRun(old)
	}
	c, err := r.checkpoints.Newest()
	switch {
	case err == nil:
		if err := r.load(c); err != nil || runErr != nil {
			return nil, err
		}
		r.takeOver(old)
		return nil, nil
	case !errors.Is(err, checkpoint.ErrNone):
		return nil, err
	case errors.Is(runErr, fs.ErrNotExist): // killed while it read its input
	case runErr != nil:
		return nil, fmt.Errorf("there is no checkpoint and no readable run.json to resume from (start again with --overwrite): %w", runErr)
	default:
		if err := r.sameRun(old); err != nil {
			return nil, err
		}
	}
	r.ui.Note("the run in %s was stopped before its first checkpoint: starting from the beginning", r.folder.Path(""))
	return nil, nil
}

func (r *run) exists(name string) bool {
	_, err := os.Stat(r.folder.Path(name))
	return err == nil
}

// load puts the trainer, the data and the record into the state of the checkpoint.
func (r *run) load(c *checkpoint.Checkpoint) error {
	for _, d := range c.Damaged {
		r.ui.Note("a checkpoint is damaged, continuing from the one before: %v", d)
	}
	if err := r.sameSettings(c.Config); err != nil {
		return wrapUnlessUsage(c.Path, err)
	}
	mine := r.inputs()
	switch {
	case c.Inputs.Backbone != mine.Backbone:
		return errOtherBackbone
	case c.Inputs.Data != mine.Data:
		return errOtherData
	case c.Inputs.Adapter != mine.Adapter:
		return runner.Usagef("--resume with another --init-adapter is refused: the run began with other values")
	case c.Position.Epochs > r.config.Epochs:
		return fmt.Errorf("checkpoint %s: it claims %d epochs of a run of %d", c.Path, c.Position.Epochs, r.config.Epochs)
	}
	if err := r.trainer.Restore(c.Tensors); err != nil {
		return fmt.Errorf("checkpoint %s: %w", c.Path, err)
	}
	var err error
	if r.good, err = r.trainer.ReadTrainable(); err != nil {
		return err
	}
	r.goodAt = c.Position.Steps
	if r.config.EMA > 0 {
		if r.average, err = r.trainer.ReadAverage(); err != nil {
			return err
		}
	}
	if err := r.loadSelection(c); err != nil {
		return fmt.Errorf("checkpoint %s: %w", c.Path, err)
	}
	if err := r.data.leaveOut(c.Bad, c.BadVal); err != nil {
		return fmt.Errorf("checkpoint %s: %w", c.Path, err)
	}
	r.from, r.written, r.before = c.Position, c.Position, c.Measurements
	r.metrics = c.Metrics
	r.record.Progress = result.Progress{Epochs: c.Position.Epochs, Steps: c.Position.Steps}
	r.record.Measurements = c.Measurements
	r.record.Earlier = c.Earlier
	if c.Versions != r.record.Versions || !c.Device.SameNumbers(r.record.Device) {
		r.record.Earlier = append(slices.Clip(c.Earlier), result.Part{Steps: c.Position.Steps, Versions: c.Versions, Device: c.Device})
	}
	r.noteResumed(c)
	return nil
}

// noteResumed says where the run continues, and on what if that has changed.
func (r *run) noteResumed(c *checkpoint.Checkpoint) {
	switch p := c.Position; {
	case p.Epochs == r.config.Epochs, c.Selection != nil && c.Selection.Stopped:
		r.ui.Note("resuming after the last epoch")
	case p.StepInEpoch > 0:
		r.ui.Note("resuming in epoch %d after step %d", p.Epochs+1, p.Steps)
	default:
		r.ui.Note("resuming after epoch %d", p.Epochs)
	}
	if c.Versions != r.record.Versions || !c.Device.SameNumbers(r.record.Device) {
		r.ui.Note("program, TensorFlow, devices, XLA or the number of threads (%d before, %d now) are not those that the run began with: its result may differ in the last digits from that of a run in one piece", c.Device.Threads, r.record.Device.Threads)
	}
}

// startMetrics reduces metrics.csv to the lines of the epochs before the start.
func (r *run) startMetrics() error {
	if !r.config.Resume {
		return nil
	}
	path := r.folder.Path(result.MetricsFile)
	if len(r.metrics) > 0 {
		return result.WriteMetrics(path, r.metrics)
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

// sameRun returns an error if the run in run.json has other settings or inputs.
func (r *run) sameRun(old result.Run) error {
	if err := r.sameSettings(old.Config); err != nil {
		return wrapUnlessUsage(r.folder.Path(result.RunFile), err)
	}
	switch {
	case old.Backbone.SHA256 != r.record.Backbone.SHA256:
		return errOtherBackbone
	case old.Data.Fingerprint != r.record.Data.Fingerprint:
		return errOtherData
	}
	return nil
}

// sameSettings returns an error if the settings, a Record in JSON, give another result.
func (r *run) sameSettings(config []byte) error {
	old, err := ReadRecord(config)
	if err != nil {
		return fmt.Errorf("its settings are not those of this version of the program: %w", err)
	}
	// An option that an earlier version did not have has its default.
	if filled, err := old.Resolve(r.backbone.Architecture); err == nil {
		old.Options = filled.Options
	}
	if differs := old.differs(r.settings()); differs != "" {
		return runner.Usagef("--resume with other settings is refused: %s", differs)
	}
	return nil
}

// wrapUnlessUsage adds the file's name to errors, except to a UsageError, which is not about the file.
func wrapUnlessUsage(path string, err error) error {
	var usage *runner.UsageError
	if errors.As(err, &usage) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// mayChange lists settings that may differ on resume because they do not affect the result. The number of threads,
// XLA and the devices, which depend on the machine, affect the last digits only, as the processor does: noteResumed says so.
var mayChange = map[string]bool{"out": true, "data": true, "lists": true, "targets": true, "backbone": true, "checkpoint_every": true, "init_adapter": true, "threads": true, "xla": true, "devices": true}

// differs names the first setting that differs, as the user would type it.
func (s Record) differs(other Record) string {
	a, b := reflect.ValueOf(s), reflect.ValueOf(other)
	for _, f := range recorded() {
		name := jsonName(f)
		v, w := a.FieldByIndex(f.Index), b.FieldByIndex(f.Index)
		x, y := text(v), text(w)
		if mayChange[name] || x == y {
			continue
		}
		if options, ok := v.Interface().(dtl.Options); ok {
			return differentOption(options, w.Interface().(dtl.Options))
		}
		return fmt.Sprintf("--%s was %s and is %s now", strings.ReplaceAll(name, "_", "-"), x, y)
	}
	return ""
}

// text formats a field. A pointer is nil in a damaged record only.
func text(field reflect.Value) string {
	if field.Kind() == reflect.Pointer && field.IsNil() {
		return "not recorded"
	}
	return fmt.Sprint(reflect.Indirect(field))
}

// recorded lists the fields of a Record, including those of embedded structs, that JSON has.
func recorded() []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(reflect.TypeFor[Record]()), func(f reflect.StructField) bool {
		return f.Anonymous || jsonName(f) == "-"
	})
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
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
