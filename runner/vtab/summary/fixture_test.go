package summary

import (
	"encoding/json"
	"fmt"
	"testing"

	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/vtab"
)

// finished is a cell as a sweep writes it.
func finished(task, method string, seed uint64, top1 float64) vtab.Cell {
	t, err := suite.TaskOf(task)
	if err != nil {
		panic(err)
	}
	trainable := map[string]int{"dtl": 36864, "dtl+": 43776, "lora": 294912}[method]
	if method == "dtl+" && task == "dtd" {
		trainable = 56064 // kernel 5
	}
	r := vtab.RecipeOf(t, method, "vit:image=224,patch=16,width=768,depth=12,heads=12,mlp=3072")
	c := vtab.Cell{
		Task: task, Method: method, Seed: seed, Outcome: sweep.Outcome{
			Status: result.Finished, Recipe: r,
			StepMemory: &sweep.StepMemory{Peak: map[string]int64{"dtl": 1500 << 20, "lora": 3200 << 20}[method], How: "one traced step, replayed in time"},
			Run: &result.Run{
				Status: result.Finished, Method: method,
				Backbone:   result.Backbone{Path: "weights/ViT-B_16.npz", SHA256: "0123456789abcdef", Architecture: "ViT 12x768, patch 16, 224x224"},
				Data:       result.Data{Name: task, Root: "data/" + task, Fingerprint: "print of " + task, Classes: t.Classes},
				Parameters: result.Parameters{Trainable: trainable},
				Accuracy:   &result.Accuracy{Top1: top1, Split: "test", Note: result.OnceAfterLast},
			},
		},
	}
	if method == "linear" || method == "dtl+" {
		c.StepMemory = nil
	}
	c.Run.Config = json.RawMessage(fmt.Sprintf(`{"epochs":%d,"batch":%d,"precision":"fp32"}`, r.Epochs, r.Batch))
	return c
}

func failed(task, method string, seed uint64, reason string) vtab.Cell {
	c := finished(task, method, seed, 0)
	c.Status, c.Error, c.Run, c.StepMemory = result.Failed, reason, nil, nil
	return c
}

func put(t *testing.T, folder string, cells ...vtab.Cell) {
	t.Helper()
	for _, c := range cells {
		if err := sweep.WriteCell(c.Path(folder), &c); err != nil {
			t.Fatal(err)
		}
	}
}

// dtlCells has three seeds for each task of DTL's published row: the published score, and d below and above it. d is 2 for cifar,
// else 0.5.
func dtlCells() (cells []vtab.Cell) {
	for task, top1 := range published.Of("dtl").Tasks {
		d := 0.5
		if task == "cifar" {
			d = 2
		}
		cells = append(cells, finished(task, "dtl", 42, top1-d), finished(task, "dtl", 43, top1), finished(task, "dtl", 44, top1+d))
	}
	return cells
}

// sweepCells returns the results of a sweep with some failed cells.
func sweepCells() []vtab.Cell {
	cells := dtlCells()
	for _, task := range []string{"cifar", "caltech101", "eurosat", "dtd"} {
		for _, seed := range []uint64{42, 43, 44} {
			v := float64(seed) - 43
			cells = append(cells, finished(task, "linear", seed, 60+v/4), finished(task, "dtl+", seed, 72.3+v))
		}
	}
	lora := []vtab.Cell{
		finished("cifar", "lora", 42, 100), finished("cifar", "lora", 43, 100), failed("cifar", "lora", 44, "step 12:\n  the loss turned into NaN"),
		failed("dtd", "lora", 42, "out of memory"), failed("dtd", "lora", 43, "out of memory"),
		finished("svhn", "lora", 42, 70), finished("svhn", "lora", 43, 90),
	}
	for i := range lora {
		if lora[i].Task == "svhn" {
			lora[i].Overrides = recipe.Overrides{"epochs": "3"}
			lora[i].Run.Config = json.RawMessage(`{"epochs":3,"batch":64,"precision":"bf16"}`)
			lora[i].Run.Data.Skipped = int(lora[i].Seed) - 42
		}
	}
	return append(cells, lora...)
}
