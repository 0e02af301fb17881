package fewshot

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/train"
)

// The protocol of the experiment, as in the official code.
const (
	ProtocolAugment = "crop,flip,rand-m9-mstd0.5-inc1"
	ProtocolShots   = "1,2,4,8,16"
	ProtocolSeeds   = "0,1,2" // of the splits
	ProtocolEvery   = 10      // epochs between two looks at the validation images

	protocolSize   = 224 // side of the images of a backbone that test images are scaled to protocolResize for
	protocolResize = 256
)

// Config holds the settings of a sweep.
type Config struct {
	// Data is the root of the official layout, or a folder of class folders. Seeds are those of the splits; Seed is that of the
	// training, the same for all cells. TestResize 0 stands for the protocol's.
	sweep.Config
	Sets   string // "", AllSets, or a comma-separated list
	Shots  string // "1,2,4,8,16"
	Splits string // folder with the lists; "": few-shot_split in Data, or lists drawn into Out
}

// Default returns the settings of the protocol.
func Default() Config {
	c := Config{Shots: ProtocolShots}
	c.Config.Config = finetune.Default()
	c.Seeds, c.Memory = ProtocolSeeds, true
	c.Augment, c.Select, c.SelectEvery = ProtocolAugment, finetune.SelectBest, ProtocolEvery
	return c
}

// plan is a Config with its lists parsed.
type plan struct {
	Config
	sweep.Choice
	shots []int
}

// Run trains the missing cells and prints a summary, as sweep.Run does. Before, it reads all lists, and draws those of class folders.
func Run(ctx context.Context, c Config, ui runner.UI) error {
	p, err := newPlan(c)
	if err != nil {
		return err
	}
	if err := p.checkSettings(); err != nil { // before lists are drawn
		return err
	}
	sources, err := p.open(ui.Note)
	if err != nil {
		return err
	}
	p.Table = "dtl-tf fewshot table"
	return sweep.Run(ctx, p.Config.Config, func(c sweep.Config, backbone result.Backbone) ([]sweep.Job, error) {
		p.Config.Config = c
		return p.jobs(sources, backbone, ui.Note)
	}, ui)
}

// checkSettings checks the settings of every method, with the recipe of a ViT.
func (p *plan) checkSettings() error {
	for _, method := range p.Choice.Methods {
		f, err := p.WithRecipe(method, RecipeOf("", p.shots[0], method, ""), p.OverridesOf(method))
		if err == nil {
			err = p.selected(f).Check()
		}
		if err != nil {
			return fmt.Errorf("%s, with its recipe and --set: %w", method, err)
		}
	}
	return nil
}

// selected returns settings of a training without those that nothing reads if the last weights count.
func (p *plan) selected(f finetune.Config) finetune.Config {
	if !p.best() {
		f.SelectEvery, f.Patience = 1, 0
	}
	return f
}

// newPlan parses the lists of a Config. Its errors are UsageErrors.
func newPlan(c Config) (p *plan, err error) {
	p = &plan{Config: c}
	if p.Choice, err = c.Parse(); err != nil {
		return nil, err
	}
	for part := range strings.SplitSeq(c.Shots, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 || n > maxShots {
			return nil, runner.Usagef("--shots: %q is not a number of images of each class, such as 1 or 16", part)
		}
		if !slices.Contains(p.shots, n) {
			p.shots = append(p.shots, n)
		}
	}
	if !p.best() && c.SelectEvery != ProtocolEvery {
		return nil, runner.Usagef("--select-every %d has no effect with --select %s: nothing looks at the validation images", c.SelectEvery, c.Select)
	}
	return p, p.CheckFolders("the pictures and lists")
}

// best reports whether the validation images choose the weights.
func (p *plan) best() bool { return p.Select == finetune.SelectBest }

// maxShots is more than any few-shot experiment has.
const maxShots = 100_000

// jobs returns the cells of all shards. All cells of the first split come first, to complete a table early.
func (p *plan) jobs(sources []source, backbone result.Backbone, note runner.NoteFunc) (list []sweep.Job, err error) {
	if p.TestResize == 0 {
		p.TestResize = testResize(backbone.ImageSize)
		if backbone.ImageSize != protocolSize {
			note("test images are scaled to %d x %d, of which the centre of %d x %d counts: the protocol's %d and %d in proportion (--test-resize)",
				p.TestResize, p.TestResize, backbone.ImageSize, backbone.ImageSize, protocolResize, protocolSize)
		}
	}
	for _, seed := range p.Choice.Seeds {
		for _, s := range sources {
			for _, shots := range p.shots {
				for _, method := range p.Choice.Methods {
					j, err := p.job(s, shots, method, seed, backbone.Architecture)
					if err != nil {
						return nil, err
					}
					list = append(list, j)
				}
			}
		}
	}
	return list, nil
}

// testResize is the side to which test images are scaled for a backbone with images of a size.
func testResize(size int) int {
	return int(math.Round(float64(size) * protocolResize / protocolSize))
}

// job describes a cell.
func (p *plan) job(s source, shots int, method string, seed uint64, architecture string) (j sweep.Job, err error) {
	recipeOf := s.Folder
	if s.drawn() {
		recipeOf = "" // folders of users may have any name
	}
	j = sweep.Job{
		Name: Key(s.Folder, shots, method, seed), Set: fmt.Sprintf("%s %d-shot", s.Folder, shots), Method: method, Images: s.Classes * shots,
		File: CellPath(p.Out, s.Folder, shots, method, seed), Folder: WorkPath(p.Out, s.Folder, shots, method, seed),
		Recipe: RecipeOf(recipeOf, shots, method, architecture), Overrides: p.OverridesOf(method),
		New: func() sweep.Cell { return &Cell{Set: s.Folder, Shots: shots, Method: method, Seed: seed} },
		Read: func(path string) (sweep.Cell, error) {
			c, err := ReadCell(path)
			return &c, err
		},
	}
	f, err := p.WithRecipe(method, j.Recipe, j.Overrides)
	if err != nil {
		return j, err
	}
	f.Data, f.Out, f.Lists = s.images, j.Folder, s.listsOf(shots, seed, p.best())
	f.Classes, f.ClassNames, f.Origin = s.Classes, s.names, s.origin
	f.TrainSplit, f.EvalSplit = data.Train, data.Test
	if !s.drawn() {
		f.Exif = finetune.ExifOff // the official code does not turn images
	}
	f.Init, f.Schedule, f.Shuffle = finetune.InitPretrained, train.Cosine, true
	j.Config = p.selected(f)
	return j, nil
}
