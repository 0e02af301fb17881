package compare

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/backbone"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/build"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
)

// Settings hold everything that a row depends on. Rows with equal settings belong to the same table.
type Settings struct {
	Backbone     string     `json:"backbone"`                  // the architecture that is named, or the file
	SHA256       string     `json:"backbone_sha256,omitempty"` // of its file; random weights have none
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

// warmupSteps are left out of the timing: the first builds kernels and fills the allocator.
const warmupSteps = 2

// randomSeed makes the weights of a backbone that is only named.
const randomSeed = 42

// isArchitecture tells the name or description of an architecture from a path.
func isArchitecture(text string) bool {
	_, err := backbone.Parse(text)
	return err == nil || strings.HasPrefix(text, "vit:")
}

// load makes or reads the backbone.
func load(ctx context.Context, c runner.BackboneConfig) (*backbone.Backbone, error) {
	if !isArchitecture(c.Path) {
		bb, err := backbone.Load(ctx, c.Path, backbone.Options{Heads: c.Heads, Image: c.ImageSize, Mean: c.Mean, Std: c.Std})
		if err != nil {
			if _, statErr := os.Stat(c.Path); errors.Is(statErr, fs.ErrNotExist) {
				return nil, runner.Usagef("--backbone %q is no file, and no architecture: use one of %s for random weights, vit:image=..,patch=..,width=..,depth=..,heads=..,mlp=.., or a .npz or .safetensors file or a SavedModel folder",
					c.Path, strings.Join(backbone.Names(), ", "))
			}
			return nil, runner.WithFlag(err)
		}
		return bb, nil
	}
	d, err := describe(c)
	if err != nil {
		return nil, err
	}
	bb, err := backbone.Random(d.Architecture, randomSeed)
	if err != nil {
		return nil, runner.Usagef("--backbone: %w", runner.WithFlag(err))
	}
	bb.Mean, bb.Std = d.Mean, d.Std
	return bb, nil
}

// describe is what a named architecture says of itself, without making its weights.
func describe(c runner.BackboneConfig) (d backbone.Description, err error) {
	if d.Architecture, err = backbone.Parse(c.Path); err != nil {
		return d, runner.Usagef("--backbone: %w", runner.WithFlag(err))
	}
	d.Architecture = d.With(backbone.Sizes{Image: c.ImageSize, Heads: c.Heads})
	d.Mean, d.Std = [3]float64{0.5, 0.5, 0.5}, [3]float64{0.5, 0.5, 0.5}
	if c.Mean != nil {
		d.Mean = *c.Mean
	}
	if c.Std != nil {
		d.Std = *c.Std
	}
	if err := d.Validate(); err != nil {
		return d, runner.Usagef("--backbone: %w", runner.WithFlag(err))
	}
	return d, nil
}

// settings resolves the configuration.
func (c Config) settings(ctx context.Context, ui runner.UI) (Settings, error) {
	var d backbone.Description
	name, sha := c.Path, ""
	if isArchitecture(c.Path) {
		var err error
		if d, err = describe(c.BackboneConfig); err != nil {
			return Settings{}, err
		}
	} else {
		bb, err := load(ctx, c.BackboneConfig)
		if err != nil {
			return Settings{}, err
		}
		if note := bb.Note(false); note != "" && !ui.Quiet {
			fmt.Fprintf(ui.Err, "note: %s\n", note)
		}
		d, name, sha = bb.Description, filepath.Base(c.Path), bb.SHA256
	}
	program, err := build.Name(ui.Version)
	if err != nil {
		return Settings{}, err
	}
	step := c.StepConfig
	step.Threads = cmp.Or(step.Threads, runtime.GOMAXPROCS(0))
	computing, err := runner.Computing()
	if err != nil {
		return Settings{}, err
	}
	computing.OneDNNBy = "" // who chose makes no row another
	return Settings{
		Backbone: name, SHA256: sha, Architecture: d.Architecture.String(), Heads: d.Heads(), ImageSize: d.ImageSize(),
		Mean: d.Mean, Std: d.Std, StepConfig: step, Classes: c.Classes, Optimizer: "AdamW", WarmupSteps: warmupSteps, Steps: c.Steps,
		Program: program, TensorFlow: tf.Version(), Machine: machine.Processor(), Computing: computing, VisibleGPUs: os.Getenv("CUDA_VISIBLE_DEVICES"),
	}, nil
}

// weights says for people what the backbone is.
func (s Settings) weights() string {
	if s.SHA256 == "" {
		return s.Backbone + " with random weights"
	}
	return s.Backbone
}

// folder is the name of the folder for rows of these settings: readable, and different for different settings.
func (s Settings) folder() string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and numbers
	}
	name := s.Backbone
	if i := strings.IndexAny(name, ":,="); i >= 0 {
		name = name[:i]
	}
	sum := sha256.Sum256(raw)
	return fmt.Sprintf("%s-b%d-%s-%s", name, s.Batch, s.Precision, hex.EncodeToString(sum[:])[:10])
}
