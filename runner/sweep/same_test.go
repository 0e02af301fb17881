package sweep

import (
	"encoding/json"
	"io"
	"path/filepath"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/result"
)

// fakeCell is a cell without names.
type fakeCell struct {
	Head
	Outcome
}

// CheckNames implements Cell.
func (*fakeCell) CheckNames() error { return nil }

// TestSameMeanwhile: a cell that another process has finished since this call began counts only if it has the settings of this call.
func TestSameMeanwhile(t *testing.T) {
	dir := t.TempDir()
	config := finetune.Default()
	r := recipe.Recipe{Epochs: config.Epochs, Batch: config.Batch, LR: config.LearningRate, WeightDecay: config.WeightDecay, DropPath: config.DropPath, Options: config.Options}
	cell := &fakeCell{Outcome: Outcome{Status: result.Finished, Recipe: r, Started: time.Now(), Ended: time.Now(), Run: &result.Run{Config: json.RawMessage("{}")}}}
	s := &sweep{show: newProgress(io.Discard, false), locks: *newLocks()}
	j := Job{
		Name: "dtd dtl seed 1", File: filepath.Join(dir, "seed-1.json"), Folder: filepath.Join(dir, "seed-1"), Recipe: r, Config: config,
		Read: func(string) (Cell, error) { return cell, nil },
	}
	s.images = dataCheck{s.show.note, map[string]string{}}
	s.pending = []Job{j}
	done, _, err := s.try(t.Context(), j)
	if expect.NoError(t, err); !done || s.show.finished != 1 {
		t.Errorf("done %v, %d finished", done, s.show.finished)
	}
	j.Config.Epochs++
	done, _, err = s.try(t.Context(), j)
	expect.Error(t, err, j.File+" was made with epochs", "choose another --out")
	if done || s.show.finished != 1 {
		t.Errorf("a cell with other settings counts: done %v, %d finished", done, s.show.finished)
	}
}
