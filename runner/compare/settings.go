package compare

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/backbone"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/build"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
)

// Settings holds everything that affects a row. Only rows with equal settings share a table.
type Settings struct {
	Backbone     string     `json:"backbone"`                  // name of the architecture or of the file
	SHA256       string     `json:"backbone_sha256,omitempty"` // of the file, "" for random weights
	Architecture string     `json:"architecture"`
	Heads        int        `json:"heads"`
	ImageSize    int        `json:"image_size"`
	Mean         [3]float64 `json:"mean"`
	Std          [3]float64 `json:"std"`
	runner.StepConfig
	Classes     int    `json:"classes"`
	Optimizer   string `json:"optimizer"`
	WarmupSteps int    `json:"warmup_steps"`
	Steps       int    `json:"timed_steps"`
	Program     string `json:"program"`
	TensorFlow  string `json:"libtensorflow"`
	Machine     string `json:"machine"`
	result.Computing
	VisibleGPUs string `json:"cuda_visible_devices,omitempty"`
}

// warmupSteps are not timed: the first builds kernels and allocates memory.
const warmupSteps = 2

// randomSeed is the seed of random weights.
const randomSeed = 42

// isArchitecture reports whether a text is the name or description of an architecture and not a path.
func isArchitecture(text string) bool {
	return slices.Contains(backbone.Names(), text) || backbone.Describes(text)
}

// load reads the backbone, or makes random weights of a named architecture. The weights are deferred: held is the bytes that each takes later.
func load(ctx context.Context, c runner.BackboneConfig, held int) (*backbone.Backbone, error) {
	c.Held = held
	if isArchitecture(c.Path) {
		return c.Random(randomSeed)
	}
	if _, err := os.Stat(c.Path); errors.Is(err, fs.ErrNotExist) {
		return nil, runner.Usagef("--backbone %q is neither a file nor an architecture: use one of %s for random weights, a description such as vit:image=..,patch=..,width=..,depth=..,heads=..,mlp=.., or a .npz or .safetensors file or a SavedModel folder",
			c.Path, strings.Join(backbone.Names(), ", "))
	}
	return c.Load(ctx)
}

// settings resolves the configuration.
func (c Config) settings(ctx context.Context, ui runner.UI) (s Settings, err error) {
	var d backbone.Description
	if isArchitecture(c.Path) {
		if d, err = c.Named(); err != nil {
			return s, err
		}
		s.Backbone = c.Path
	} else {
		bb, err := load(ctx, c.BackboneConfig, c.Precision.Bytes())
		if err != nil {
			return s, err
		}
		if note := bb.Note(false); note != "" && !ui.Quiet {
			fmt.Fprintf(ui.Err, "note: %s\n", note)
		}
		d, s.Backbone, s.SHA256 = bb.Description, runner.BackboneName(c.Path), bb.SHA256
	}
	if s.Program, err = build.Name(ui.Version); err != nil {
		return s, err
	}
	if s.Computing, err = runner.Computing(); err != nil {
		return s, err
	}
	s.OneDNNBy = "" // it does not affect a row
	s.Architecture, s.Heads, s.ImageSize, s.Mean, s.Std = d.Architecture.String(), d.Heads(), d.ImageSize(), d.Mean, d.Std
	s.StepConfig, s.Classes, s.Optimizer, s.WarmupSteps, s.Steps = c.StepConfig, c.Classes, "AdamW", warmupSteps, c.Steps
	s.Threads = cmp.Or(s.Threads, runtime.GOMAXPROCS(0))
	s.TensorFlow, s.Machine, s.VisibleGPUs = tf.Version(), machine.Processor(), os.Getenv("CUDA_VISIBLE_DEVICES")
	return s, nil
}

// folder returns a name for the folder of rows with these settings. A hash makes it unique.
func (s Settings) folder() string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // it has only strings and numbers
	}
	name := s.Backbone
	if i := strings.IndexAny(name, ":,="); i >= 0 {
		name = name[:i]
	}
	return fmt.Sprintf("%s-b%d-%s-%.5x", name, s.Batch, s.Precision, sha256.Sum256(raw))
}
