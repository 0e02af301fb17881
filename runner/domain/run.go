package domain

import (
	"cmp"
	"context"
	"math"

	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/train"
)

// Config holds the settings of a sweep.
type Config struct {
	sweep.Config          // Data is the root of the official layout, "" with Source; Seeds may be ""
	Targets      string   // of the official layout: "", all, or a comma-separated list
	PerTarget    bool     // one training for each target, with its published recipe, instead of one for all
	Source       string   // NAME=FOLDER
	Target       []string // NAME=FOLDER each
}

// The protocol of the experiment, as in the official code, except for ownSeeds.
const (
	protocolAugment = "crop,flip,rand-m9-mstd0.5-inc1"
	protocolSeeds   = "0,1,2" // of the training lists; the seed of all trainings is that of finetune.Default
	ownSeeds        = "42"    // of the trainings on the user's own domains, if none are given

	protocolSize   = 224 // side of the images of a backbone that test images are scaled to protocolResize for
	protocolResize = 256
)

// Default returns the settings of the protocol.
func Default() Config {
	var c Config
	c.Config.Config = finetune.Default()
	c.Memory, c.Augment = true, protocolAugment
	return c
}

// Run trains the missing cells and prints a summary, as sweep.Run does.
func Run(ctx context.Context, c Config, ui runner.UI) error {
	e, err := newExperiment(c)
	if err != nil {
		return err
	}
	if c.Out == "" {
		return runner.Usagef("--out is required: name a folder for the results")
	}
	seeds := ownSeeds
	if e.official {
		seeds = protocolSeeds
	}
	c.Seeds = cmp.Or(c.Seeds, seeds)
	choice, err := c.Parse()
	if err != nil {
		return err
	}
	notes, err := e.check(choice.Seeds)
	if err != nil {
		return err
	}
	runner.NoteAll(notes, ui.Note)
	c.Data, c.Table = e.folder, "dtl-tf domain table"
	return sweep.Run(ctx, c.Config, func(shared sweep.Config, backbone result.Backbone) (list []sweep.Job, err error) {
		c.Config = shared
		if c.TestResize == 0 {
			c.TestResize = testResize(backbone.ImageSize, ui.Note)
		}
		for _, seed := range choice.Seeds {
			for _, target := range e.trainings(c.PerTarget) {
				for _, method := range choice.Methods {
					cell := Cell{Source: e.source, Target: target, Method: method, Seed: seed}
					j, err := c.job(e, cell, choice, backbone)
					if err != nil {
						return nil, err
					}
					list = append(list, j)
				}
			}
		}
		return list, nil
	}, ui)
}

// testResize is the side to which test images are scaled for a backbone with images of a size.
func testResize(size int, note runner.NoteFunc) int {
	resize := int(math.Round(float64(size) * protocolResize / protocolSize))
	if size != protocolSize {
		note("test images are scaled to %d x %d, of which the centre of %d x %d counts: the protocol's %d and %d in proportion (--test-resize)",
			resize, resize, size, size, protocolResize, protocolSize)
	}
	return resize
}

// job returns the training of a cell.
func (c Config) job(e *experiment, cell Cell, choice sweep.Choice, backbone result.Backbone) (sweep.Job, error) {
	overrides := choice.OverridesOf(cell.Method)
	recipe := RecipeOf(e.official, cmp.Or(cell.Target, e.source), cell.Method, backbone.Architecture)
	f, err := c.WithRecipe(cell.Method, recipe, overrides)
	if err != nil {
		return sweep.Job{}, err
	}
	f.Out, f.Init, f.Schedule, f.Shuffle = cell.WorkPath(c.Out), finetune.InitPretrained, train.Cosine, true
	e.configure(&f, cell.Seed, cell.Target)
	return sweep.Job{
		Name: cell.Key(), Set: folder(cell.Source, cell.Target), Method: cell.Method,
		File: cell.Path(c.Out), Folder: f.Out,
		Recipe: recipe, Overrides: overrides, Config: f, Images: e.images,
		New: func() sweep.Cell { fresh := cell; return &fresh },
		Read: func(path string) (sweep.Cell, error) {
			c, err := ReadCell(path)
			return &c, err
		},
	}, nil
}
