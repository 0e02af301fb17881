package runner

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// checkpointFile holds all that a run needs to go on after a complete epoch: the values of everything that
// trains, both moments of AdamW, and how far it came. Order, augmentation and drop path of an epoch
// follow from the seed and the epoch's number, so there is no random state to keep.
const checkpointFile = "checkpoint.safetensors"

// checkpoint is the state after a complete epoch.
type checkpoint struct {
	Epoch  int      `json:"epoch"`
	Step   int      `json:"step"`
	Config resolved `json:"config"`
	Inputs inputs   `json:"inputs"`
}

// inputs are the fingerprints of what the run reads; resuming with others would mix two runs.
type inputs struct {
	Backbone string `json:"backbone"`
	Data     string `json:"data"`
}

func (f *fineTuning) inputs() inputs { return inputs{f.backbone.Fingerprint(), f.data.fingerprint} }

// writeCheckpoint replaces the checkpoint by the state that keep has just read.
func (f *fineTuning) writeCheckpoint(i train.Info) error {
	moments, err := f.session.ReadOptimizer()
	if err != nil {
		return err
	}
	all := maps.Clone(f.good)
	maps.Copy(all, moments)
	state, err := json.Marshal(checkpoint{Epoch: i.Epoch, Step: i.Step, Config: f.resolved(), Inputs: f.inputs()})
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	err = result.WriteFile(f.folder.Path(checkpointFile), func(w io.Writer) error {
		return weight.WriteSafetensors(w, all, map[string]string{"checkpoint": string(state)})
	})
	if err != nil {
		return err
	}
	return f.save()
}

// howToGoOn is the advice to a user who has interrupted a run, if there is a way.
func (f *fineTuning) howToGoOn() string {
	if _, err := os.Stat(f.folder.Path(checkpointFile)); err != nil {
		return ""
	}
	return " (go on with --resume)"
}

// restore puts the session into the state of the checkpoint.
func (f *fineTuning) restore() error {
	path := f.folder.Path(checkpointFile)
	file, err := weight.Open(path)
	if err != nil {
		return fmt.Errorf("no checkpoint to resume from (start again with --overwrite): %w", err)
	}
	var c checkpoint
	if err := json.Unmarshal([]byte(file.Metadata["checkpoint"]), &c); err != nil {
		return fmt.Errorf("checkpoint %s: its description is unreadable: %w", path, err)
	}
	if differs := c.Config.differs(f.resolved()); differs != "" {
		return usagef("--resume with other settings is refused: %s", differs)
	}
	if c.Inputs.Backbone != f.inputs().Backbone {
		return usagef("--resume with another backbone is refused: its weights have changed")
	}
	if c.Inputs.Data != f.inputs().Data {
		return usagef("--resume with other data is refused: the lists or images have changed")
	}
	if err := f.restoreTensors(file.Tensors); err != nil {
		return fmt.Errorf("checkpoint %s: %w", path, err)
	}
	rows, err := result.ReadMetrics(f.folder.Path(result.MetricsFile))
	if err != nil {
		return err
	}
	f.metrics = result.NewMetricsLog(f.folder.Path(result.MetricsFile), upTo(rows, c.Epoch)...)
	f.record.Progress = result.Progress{Epochs: c.Epoch, Steps: c.Step}
	f.resumed = &c
	f.note("resuming after epoch %d", c.Epoch)
	return nil
}

func (f *fineTuning) restoreTensors(all tensor.Map) error {
	if err := f.session.Restore(all); err != nil {
		return err
	}
	var err error
	f.good, err = f.session.ReadTrainable()
	return err
}

func upTo(rows []result.Metric, epoch int) []result.Metric {
	for i, r := range rows {
		if r.Epoch > epoch {
			return rows[:i]
		}
	}
	return rows
}

// mayChange are the settings that a resumed run may have otherwise: they change no result.
var mayChange = map[string]bool{"out": true, "data": true, "backbone": true, "checkpoint_every": true, "init_adapter": true}

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
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if a[name] != b[name] {
			return fmt.Sprintf("--%s was %s and is %s now", name, a[name], b[name])
		}
	}
	return ""
}
