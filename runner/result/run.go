package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/train"
)

// Format is the version of run.json that this program writes and reads. It increases when a field changes its meaning or is
// removed; new fields need no new version.
const Format = 1

// ForeignError says that a file is intact, but was written by another version of the program. Nothing that belongs to it may be
// removed or replaced.
type ForeignError struct{ Err error }

// Error implements error.
func (e *ForeignError) Error() string {
	return e.Err.Error() + ": another version of dtl-tf wrote it, and only that version can continue with it"
}

// Unwrap implements the errors package's protocol.
func (e *ForeignError) Unwrap() error { return e.Err }

// Status is the state of a run.
type Status string

// The states of a run.
const (
	Running     Status = "running" // also after the process was killed
	Finished    Status = "finished"
	Interrupted Status = "interrupted"
	Failed      Status = "failed"
)

// Run is the content of run.json: everything about one run, and the only source of the tables. A field that is not known yet is
// absent, never zero.
type Run struct {
	Format  int       `json:"format"`
	Status  Status    `json:"status"`
	Error   string    `json:"error,omitempty"` // why it failed or was interrupted
	Command []string  `json:"command"`         // the command line, program name first
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`

	Method string          `json:"method"`
	Config json.RawMessage `json:"config,omitempty"` // the resolved configuration; see SetConfig

	Versions   Versions   `json:"versions"`
	Device     Device     `json:"device"`
	Earlier    []Part     `json:"earlier_parts,omitempty"` // of a resumed run: the parts trained elsewhere
	Backbone   Backbone   `json:"backbone"`
	Data       Data       `json:"data"`
	Parameters Parameters `json:"parameters"`

	Progress     Progress      `json:"progress"`
	Measurements Measurements  `json:"measurements"`
	FeatureCache *FeatureCache `json:"feature_cache,omitempty"`     // nil if not asked for
	Memory       *Memory       `json:"memory,omitempty"`            // nil without --memory
	Together     int           `json:"settings_together,omitempty"` // settings of --sweep, or points of a search, that trained together: Measurements are of all of them
	Selection    *Selection    `json:"selection,omitempty"`         // nil if the last epoch's weights count
	Accuracy     *Accuracy     `json:"accuracy,omitempty"`
	Several      *Several      `json:"several,omitempty"` // in the place of Accuracy with --loss bce
	Targets      []Target      `json:"targets,omitempty"` // the accuracy on other domains
	Frozen       *Frozen       `json:"frozen_sha256,omitempty"`
	Notes        []string      `json:"notes,omitempty"` // on the data and the start of the classifier, a line each
}

// Versions names the software that computed the result.
type Versions struct {
	Program       string `json:"program"`
	LibTensorFlow string `json:"libtensorflow"`
	Graft         string `json:"graft"`
	Go            string `json:"go"`
}

// Device describes the device that ran the graph.
type Device struct {
	Name    string `json:"name"`              // in TensorFlow, such as /device:CPU:0
	Kind    string `json:"kind"`              // CPU or GPU
	Model   string `json:"model,omitempty"`   // in the words of the system
	Threads int    `json:"threads,omitempty"` // intra-op threads
	XLA     bool   `json:"xla,omitempty"`     // XLA compiled the step
	// Devices are those that share the work, such as gpu:0,gpu:1 or worker:0/cpu:0,worker:1/cpu:0; absent if there is one.
	Devices string `json:"devices,omitempty"`
	Computing
}

// Computing describes the code that computes on a processor. Records of earlier versions lack it.
type Computing struct {
	OneDNN   string `json:"onednn,omitempty"`             // on or off; absent if TensorFlow chooses
	OneDNNBy string `json:"onednn_by,omitempty"`          // who chose: dtl-tf, environment or TensorFlow
	Limit    string `json:"onednn_max_cpu_isa,omitempty"` // the instructions that the environment limits oneDNN to
	Kernels  string `json:"kernels,omitempty"`            // the variant of this program's bfloat16 kernels: avx512f, avx2 or plain
}

// SameNumbers reports whether a and b compute the same to the last digit, as far as known.
func (a Device) SameNumbers(b Device) bool {
	if a.Computing == (Computing{}) || b.Computing == (Computing{}) {
		a.Computing, b.Computing = Computing{}, Computing{}
	}
	a.OneDNNBy, b.OneDNNBy = "", ""
	return a == b
}

// Part is a part of a run that was computed by other software or on another device than the last part.
type Part struct {
	Steps    int      `json:"steps"` // of the run, at the end of the part
	Versions Versions `json:"versions"`
	Device   Device   `json:"device"`
}

// Backbone describes the frozen network. Its input is (x - Mean) / Std for a channel x in [0, 1].
type Backbone struct {
	Path         string    `json:"path"`
	SHA256       string    `json:"sha256"`
	Repo         string    `json:"repo,omitempty"`   // of a backbone from a hub
	Commit       string    `json:"commit,omitempty"` // of Repo
	Architecture string    `json:"architecture"`     // such as "ViT 12x192, patch 16, 224x224"
	Parameters   int       `json:"parameters,omitempty"`
	ImageSize    int       `json:"image_size,omitempty"`
	Mean         []float64 `json:"mean"`
	Std          []float64 `json:"std"`
	Heads        int       `json:"heads,omitempty"`
	Eps          float64   `json:"layer_norm_eps,omitempty"`
	// Sources says where a value came from that not every backbone file contains: "file", "guess", "config.json" ...
	Sources map[string]string `json:"sources,omitempty"`
}

// Data describes the data set. Counts are images by split.
type Data struct {
	Name        string         `json:"name"`
	Root        string         `json:"root"`
	Fingerprint string         `json:"fingerprint"`
	Origin      string         `json:"origin,omitempty"` // whether these are VTAB-1k's images, if data prepare made the data set
	Classes     int            `json:"classes"`
	Counts      map[string]int `json:"counts"`
	Split       *Split         `json:"split,omitempty"`              // nil if the data set has all splits itself
	Skipped     int            `json:"skipped_images,omitempty"`     // unreadable images left out
	Grey16      int            `json:"grey_16_bit_images,omitempty"` // that keep their high byte, while Pillow clips
	Turned      int            `json:"exif_turned_images,omitempty"` // whose EXIF orientation is not upright; config.exif says what is done about it
}

// Split says how --val and --test divided the training images.
type Split struct {
	File         string            `json:"file"`   // in the run's folder: path, label and split of each image
	SHA256       string            `json:"sha256"` // of File
	Val          float64           `json:"val,omitempty"`
	Test         float64           `json:"test,omitempty"`
	Seed         uint64            `json:"seed"`
	Images       map[string]int    `json:"images"`       // by split
	Fingerprints map[string]string `json:"fingerprints"` // of names and content, by split
}

// Parameters counts scalars. The literature excludes the classifier, so it is counted apart.
type Parameters struct {
	Trainable  int `json:"trainable_without_classifier"`
	Unused     int `json:"unused,omitempty"` // of Trainable: nothing depends on them, so they do not train
	Classifier int `json:"classifier"`
	Frozen     int `json:"frozen"`
}

// Progress says how far training has come.
type Progress struct {
	Epochs int `json:"epochs"` // complete ones
	Steps  int `json:"steps"`
}

// Measurements are timings of this machine, not properties of the result.
type Measurements struct {
	SecondsPerStep    *train.Timing `json:"seconds_per_step,omitempty"`
	ImagesPerSecond   float64       `json:"images_per_second,omitempty"` // of training, including everything
	InputWaitSeconds  float64       `json:"input_wait_seconds"`          // for images
	TrainSeconds      float64       `json:"train_seconds,omitempty"`
	ProcessorSeconds  float64       `json:"train_processor_seconds,omitempty"` // of all threads from the first step to the last, looks included; other programs hardly change it
	ValidationSeconds float64       `json:"validation_seconds,omitempty"`      // during training, not part of TrainSeconds
	EvaluationSeconds float64       `json:"evaluation_seconds,omitempty"`
	PeakMemoryBytes   int64         `json:"peak_memory_bytes,omitempty"` // resident, of the whole process
}

// FeatureCache says whether steps read the values of the prefix from the feature cache.
type FeatureCache struct {
	Used                      bool    `json:"used"`
	Reason                    string  `json:"reason,omitempty"` // why not
	Folder                    string  `json:"folder,omitempty"`
	Precision                 string  `json:"precision,omitempty"` // of stored elements, fp32 or bf16
	Bytes                     int64   `json:"bytes,omitempty"`
	Values                    int     `json:"values,omitempty"` // per image
	Views                     int     `json:"views,omitempty"`  // pictures of each image that have values; absent without augmentation
	Found                     int     `json:"values_found,omitempty"`
	FirstPassSeconds          float64 `json:"first_pass_seconds,omitempty"` // spent on the other values
	FirstPassProcessorSeconds float64 `json:"first_pass_processor_seconds,omitempty"`
	Validation                bool    `json:"validation,omitempty"` // looks at the validation images read stored values too
}

// OnceAfterLast is the note of an accuracy that was measured as in the literature.
const OnceAfterLast = "evaluated once after the last epoch"

// OnceAfterBest is the note of an accuracy of the weights that a Selection chose. Accuracy.Epoch is their epoch.
const OnceAfterBest = "evaluated once after training, with the weights of the epoch that was the best on the validation images"

// Accuracy is the result on a split.
type Accuracy struct {
	Top1   float64 `json:"top1"` // percent
	Images int     `json:"images"`
	Split  string  `json:"split"`
	Epoch  int     `json:"epoch"`
	Note   string  `json:"note"`
	Resize int     `json:"test_resize,omitempty"` // side to which images were scaled before their centre was cut out
	Crop   int     `json:"test_crop,omitempty"`   // side of the centre
	Doubt  string  `json:"doubt,omitempty"`       // why the classifier seems to have learnt nothing
}

// Target is the accuracy on a domain other than that of the training, measured with Accuracy or in its place.
type Target struct {
	Name    string  `json:"name"`
	Top1    float64 `json:"top1"` // percent
	Images  int     `json:"images"`
	Classes int     `json:"classes"`         // that the images are of
	Masked  float64 `json:"masked_top1"`     // of the answers among these classes only
	Doubt   string  `json:"doubt,omitempty"` // why the classifier seems to know nothing about these images
}

// Frozen holds the hashes of the frozen tensors before and after training.
type Frozen struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// SetConfig stores the resolved configuration, a value that encodes as a JSON object.
func (r *Run) SetConfig(config any) error {
	b, err := json.Marshal(config)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	r.Config = b
	return nil
}

// Now returns the time for a record, in whole milliseconds. Differences of two such times are right even if the clock was set in between,
// which is why it does not call Round: that would drop the reading of the monotonic clock.
func Now() time.Time {
	now := time.Now()
	return now.Add(-time.Duration(now.Nanosecond()) % time.Millisecond)
}

// WriteRun writes run.json at path. It sets Format.
func WriteRun(path string, r Run) error {
	r.Format = Format
	if err := r.check(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return WriteJSON(path, r)
}

// ReadRun reads the run.json at path, which may also be the folder of a run. A truncated file is an error. A file of another
// format or with unknown fields is a *ForeignError.
func ReadRun(path string) (Run, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, RunFile)
	}
	b, err := limit.ReadFile(path, limit.Text)
	if err != nil {
		return Run{}, fmt.Errorf("reading a run: %w", err)
	}
	r, err := decodeRun(b)
	if err != nil {
		return Run{}, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func decodeRun(b []byte) (Run, error) {
	var head struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return Run{}, fmt.Errorf("not a complete JSON object: %w", err)
	}
	if head.Format == nil {
		return Run{}, errors.New("not the result of a run: the field \"format\" is missing")
	}
	if *head.Format != Format {
		return Run{}, &ForeignError{fmt.Errorf("format %d, this program reads format %d", *head.Format, Format)}
	}
	var r Run
	if err := Decode(b, &r); err != nil {
		return Run{}, &ForeignError{err}
	}
	return r, r.check()
}

func (r *Run) check() error {
	switch r.Status {
	case Running, Finished, Interrupted, Failed:
	default:
		return fmt.Errorf("status %q is unknown, it is one of %s, %s, %s, %s", r.Status, Running, Finished, Interrupted, Failed)
	}
	percentage := func(v float64) bool { return v >= 0 && v <= 100 }
	if a := r.Accuracy; a != nil && !percentage(a.Top1) {
		return fmt.Errorf("accuracy: top1 is %v, not a percentage", a.Top1)
	}
	for _, t := range r.Targets {
		if !percentage(t.Top1) || !percentage(t.Masked) {
			return fmt.Errorf("accuracy on %s: top1 is %v and %v, not percentages", t.Name, t.Top1, t.Masked)
		}
	}
	return nil
}

// Decode decodes JSON. Unknown fields and anything after the value are errors.
func Decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	return nil
}
