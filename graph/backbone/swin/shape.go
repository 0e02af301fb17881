package swin

import (
	"fmt"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/weight"
)

// readStages reads depths, heads and windows from the names and shapes of a file's tensors. blocks and table are the templates of
// the names of a stage's blocks and of a block's table of relative positions, [(2w-1)^2, heads].
func (a *Architecture) readStages(f *weight.File, blocks, table string) error {
	stages, err := backbone.CountBlocks(f, "layers.%d.")
	if err != nil {
		return err
	}
	if stages > maxStages {
		return fmt.Errorf("%s: %d stages are more than the %d that this version takes", f.Path, stages, maxStages)
	}
	for stage := range stages {
		if a.Depths[stage], err = backbone.CountBlocks(f, fmt.Sprintf(blocks, stage)); err != nil {
			return err
		}
		if a.Depths[stage] == 0 {
			return fmt.Errorf("%s: stage %d has no blocks: the file is incomplete", f.Path, stage)
		}
		name := fmt.Sprintf(table, stage, 0)
		t, err := f.Get(name)
		if err != nil {
			return err
		}
		if len(t.Shape) != 2 {
			return fmt.Errorf("%s: tensor %s has shape %v, wanted 2 axes", f.Path, name, t.Shape)
		}
		a.Heads[stage] = t.Shape[1]
		if err := a.readWindow(stage, t.Shape[0]); err != nil {
			return fmt.Errorf("%s: tensor %s: %w", f.Path, name, err)
		}
	}
	return nil
}

// readWindow sets the window from the rows of a stage's table. A stage with a smaller window than the first has a grid of just that
// side, which determines the image size; it stays 0 if no stage has.
func (a *Architecture) readWindow(stage, rows int) error {
	w := windowOf(rows)
	if w == 0 {
		return fmt.Errorf("%d rows are not (2w-1)^2 for the side w of a window", rows)
	}
	image := w * a.Patch << stage
	switch {
	case stage == 0:
		a.Window = w
	case w == a.Window && a.Image == 0:
	case w < a.Window && (a.Image == 0 || a.Image == image):
		a.Image = image
	default:
		return fmt.Errorf("it is for windows of %d x %d patches, that of stage 0 for %d x %d, which no image fits", w, w, a.Window, a.Window)
	}
	return nil
}

// windowOf is the side w of a window with that many relative positions, 0 if there is none.
func windowOf(rows int) int {
	for w := 1; tableRows(w) <= rows; w++ {
		if tableRows(w) == rows {
			return w
		}
	}
	return 0
}
