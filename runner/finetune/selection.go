package finetune

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/data"
	"dtl-tf/runner/report"
	"dtl-tf/runner/train"
)

// What --select accepts.
const (
	SelectLast = "last" // the run ends with the weights after the last epoch
	SelectBest = "best" // with those of the epoch that is the best on the validation images
)

func (c *Config) selectionSettings() []runner.Setting {
	const group = runner.GroupTraining
	return []runner.Setting{
		{
			Name: "select", Group: group, Value: &c.Select, OneOf: []string{SelectLast, SelectBest},
			Help: "weights to end with, `last|best`: those after the last epoch, or those of the epoch that is the best on the validation images (val/ or val.txt)",
		},
		{
			Name: "select-every", Group: group, Value: &c.SelectEvery, Min: 1, Max: 1e6,
			Help: "number of `epochs` between two looks at the validation images, whose accuracy and loss go to metrics.csv and choose with --select best; the last epoch is always followed by one",
		},
		{
			Name: "patience", Group: group, Value: &c.Patience, Max: 1e6,
			Help: "number of `looks` without a better one after which training stops, with --select best (0: never)",
		},
	}
}

// checkSelection validates the settings of the selection.
func (c Config) checkSelection() error {
	switch {
	case c.Select == SelectBest:
		return nil
	case c.Patience != 0:
		return runner.Usagef("--patience %d needs --select best: without it the run ends with the weights after the last epoch", c.Patience)
	}
	return nil
}

// validationItems returns the images that the run looks at after its epochs, nil if there are none. With --select last nothing
// depends on them, so none are taken if they also train or are evaluated on, as those of VTAB-1k's lists.
func (c Config) validationItems(set *data.Set, training []data.Item) ([]data.Item, error) {
	best, there := c.Select == SelectBest, slices.Contains(set.Splits(), data.Val)
	switch {
	case best && !there:
		return nil, runner.Usagef("--select best needs validation images, and %s has none, only %s: put some into val/CLASS/ or a list val.txt, or set some aside with --val 0.15",
			c.Data, strings.Join(set.Splits(), ", "))
	case !best && (!there || c.Unwatched || c.EvalSplit == data.Val):
		return nil, c.needsLooks(set)
	}
	items, err := set.Split(data.Val)
	if err != nil {
		return nil, err
	}
	trained := map[string]bool{}
	for _, item := range training {
		trained[item.Path] = true
	}
	both := slices.DeleteFunc(slices.Clone(items), func(item data.Item) bool { return !trained[item.Path] })
	switch {
	case len(both) == 0:
		return items, nil
	case !best:
		return nil, c.needsLooks(set)
	}
	return nil, runner.Usagef("--select best is not possible: %d of the %d validation images are in the training split %s too, such as %s, so they can't tell which epoch is the best",
		len(both), len(items), c.trainSplit(), both[0].Name)
}

// needsLooks returns an error if the user asks for looks of a run that has none.
func (c Config) needsLooks(set *data.Set) error {
	if c.SelectEvery == 1 || c.Unwatched {
		return nil
	}
	return runner.Usagef("--select-every %d needs validation images that do not train, and %s has none, only %s: put some into val/CLASS/ or a list val.txt, or set some aside with --val 0.15",
		c.SelectEvery, c.Data, strings.Join(set.Splits(), ", "))
}

// namesFlag adds the flag to the error of an empty list of validation images.
func (c Config) namesFlag(err error) error {
	var empty *data.EmptyListError
	if c.Select == SelectBest && errors.As(err, &empty) && empty.Split == data.Val {
		return runner.Usagef("--select best needs validation images: %w", err)
	}
	return err
}

// ending is the weights that the run ends with: those of the best look so far, or else what is kept of the last good ones.
func (r *run) ending() tensor.Map {
	if r.best != nil {
		return r.best
	}
	return r.kept()
}

// choose makes the weights that the run ends with the trainer's, and says which were chosen.
func (r *run) choose() error {
	if r.best == nil {
		if r.average == nil {
			return nil
		}
		return r.trainer.SetTrainable(r.average)
	}
	s := r.record.Selection
	measure := ""
	if s.Best().MAP != nil {
		measure = "a mean average precision of "
	}
	text := fmt.Sprintf("chosen: the weights after epoch %d, with %s%.2f %% on %s the best of %d %s", s.Chosen, measure, s.Best().Score(), s.Split, len(s.Looks), report.Plural(len(s.Looks), "look"))
	if s.Stopped {
		text += fmt.Sprintf("; training stopped after epoch %d, %s later (--patience)", r.record.Progress.Epochs, report.Count(s.Age(), "look"))
	}
	r.ui.Note("%s", text)
	return r.trainer.SetTrainable(r.best)
}

// bestPrefix is put before the names of the best weights in a checkpoint.
const bestPrefix = "best/"

// bestTensors are the best weights under their names in a checkpoint. There are none if they are the state at the position of the
// checkpoint.
func (r *run) bestTensors(at train.Position) tensor.Map {
	s := r.record.Selection
	if r.best == nil || at.Epochs == s.Chosen && at.StepInEpoch == 0 {
		return nil
	}
	named := tensor.Map{}
	for name, t := range r.best {
		named[bestPrefix+name] = t
	}
	return named
}

// loadSelection restores the looks and the best weights of a checkpoint, after r.good.
func (r *run) loadSelection(c *checkpoint.Checkpoint) error {
	mine, theirs := r.record.Selection, c.Selection
	switch {
	case mine == nil && theirs == nil:
		return nil
	case mine == nil || theirs == nil:
		return errors.New("its settings and its looks at validation images contradict each other")
	}
	mine.Looks, mine.Chosen, mine.Stopped = theirs.Looks, theirs.Chosen, theirs.Stopped
	switch {
	case len(mine.Looks) == 0:
		return nil
	case c.Position.Epochs == mine.Chosen && c.Position.StepInEpoch == 0:
		r.best = r.kept()
		return nil
	}
	r.best = tensor.Map{}
	for name, good := range r.good {
		t, ok := c.Tensors[bestPrefix+name]
		if !ok || !slices.Equal(t.Shape, good.Shape) {
			return fmt.Errorf("it lacks the weights %s of epoch %d, which is the best so far", name, mine.Chosen)
		}
		r.best[name] = t
	}
	return nil
}
