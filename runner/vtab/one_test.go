package vtab

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
)

// oneConfig is the configuration of a table with one recipe. The folders of two tasks exist.
func oneConfig(t *testing.T, methods, grid string) Config {
	t.Helper()
	root := t.TempDir()
	for _, task := range []string{"eurosat", "cifar-100"} {
		expect.NoError(t, os.MkdirAll(filepath.Join(root, "data", task), 0o777))
	}
	c := Config{Tasks: "cifar,eurosat,svhn", Recipe: RecipeOne, Grid: grid}
	c.Config = sweep.Config{Config: finetune.Default(), Methods: methods, Seeds: "7,8"}
	c.Data, c.Out = filepath.Join(root, "data"), filepath.Join(root, "results")
	return c
}

// searchOf returns the search of a method on ViT-B/16.
func searchOf(t *testing.T, c Config, method string) *oneSearch {
	t.Helper()
	p, err := newPlan(c)
	expect.NoError(t, err)
	s, err := p.newOneSearch(method, result.Backbone{Path: "b.npz", SHA256: "ab", Architecture: vitB})
	expect.NoError(t, err)
	return s
}

// TestBase: the medians and the most frequent options of the 19 recipes of DTL and DTL+, counted by hand in their scripts.
func TestBase(t *testing.T) {
	if b := baseOf("dtl+", vitB); b.LR != 0.003 || b.DropPath != 0.1 || b.Options["kernel"] != "5" || b.Options["rank"] != "2" || b.Epochs != 110 || b.Batch != 32 || b.WeightDecay != 0.05 || b.Note != "" {
		t.Errorf("DTL+: %+v", b)
	}
	if b := baseOf("dtl", vitTi); b.LR != 0.001 || b.DropPath != 0.1 || b.Options["rank"] != "2" || len(b.Options) != 2 || b.Note != "" {
		t.Errorf("DTL: %+v", b)
	}
	for _, method := range dtl.Names() { // every method gets as much of a search as the others
		g, err := parseGrid(defaultGrid(baseOf(method, vitB)), nil)
		if expect.NoError(t, err); len(g.points()) != 8 {
			t.Errorf("%s has %d points", method, len(g.points()))
		}
	}
}

// TestChooseOne: the mean over the tasks decides, a point that diverged is out, and the record is what another call takes.
func TestChooseOne(t *testing.T) {
	c := oneConfig(t, "dtl+,lora", "lr=1e-3,3e-3,1e-2;kernel=3,5")
	s := searchOf(t, c, "dtl+")
	if !slices.Equal(s.absent, []string{"svhn"}) || len(s.tasks) != 2 || len(searchOf(t, c, "lora").grid.points()) != 3 {
		t.Fatalf("tasks %v, absent %v", s.tasks, s.absent)
	}
	top1 := map[string][2]float64{ // cifar, eurosat
		"lr=1e-3,kernel=3": {70, 80}, "lr=3e-3,kernel=3": {60, 94}, "lr=1e-2,kernel=3": {90, 0}, "lr=1e-3,kernel=5": {77, 77}, "lr=3e-3,kernel=5": {50, 50}, "lr=1e-2,kernel=5": {10, 10},
	}
	put := func(point string, status result.Status, diverged bool) {
		for i, task := range s.tasks {
			list, err := s.jobs(task)
			expect.NoError(t, err)
			j := list[slices.IndexFunc(list, func(j sweep.Job) bool { return strings.HasPrefix(j.Name, point+" ") })]
			if f := j.Config; f.TrainSplit != "train" || f.EvalSplit != "val" || f.Seed != 7 {
				t.Fatalf("trains on %q, evaluates on %q", f.TrainSplit, f.EvalSplit)
			}
			cell := &Cell{Task: task.Folder, Method: "dtl+", Seed: 7, Outcome: sweep.Outcome{Status: result.Finished, Recipe: s.base, Run: &result.Run{
				Status: result.Finished, Accuracy: &result.Accuracy{Top1: top1[point][i], Split: "val"}, Data: result.Data{Fingerprint: "of " + task.Folder},
			}}}
			if status == result.Failed && task.Folder == "eurosat" {
				cell.Status, cell.Error, cell.Diverged, cell.Run = status, "the loss became NaN", diverged, nil
			}
			expect.NoError(t, sweep.WriteCell(j.File, cell))
		}
	}
	for point := range top1 {
		put(point, result.Finished, false)
	}
	put("lr=1e-2,kernel=3", result.Failed, false)
	if _, err := s.choose(&sweep.FailedError{Failed: 1, Total: 12}, "v1"); err == nil || !strings.Contains(err.Error(), "its search is incomplete: 1 cell of 12 failed") {
		t.Fatalf("a failure that may not come again: %v", err)
	}
	put("lr=1e-2,kernel=3", result.Failed, true)
	o, err := s.choose(nil, "v1")
	expect.NoError(t, err)
	// 77 is the mean of 60 and 94, and of 77 and 77: the first of the grid counts.
	if r := o.Recipe; o.Point.String() != "lr=3e-3,kernel=3" || r.LR != 0.003 || r.Options["kernel"] != "3" || r.Name != RecipeOne || r.Epochs != 110 || r.DropPath != 0.1 {
		t.Errorf("chosen %v: %+v", o.Point, r)
	}
	for _, words := range []string{"lr=3e-3,kernel=3", "val200 of cifar, eurosat with seed 7", "6 points of lr=1e-3,3e-3,1e-2;kernel=3,5"} {
		if !strings.Contains(o.Recipe.Note, words) {
			t.Errorf("the note %q lacks %q", o.Recipe.Note, words)
		}
	}
	if text := o.words(s.grid); !strings.Contains(text, "77.00 % on val200 as the mean of 2 tasks the best of 6 points (1 point diverged)") || strings.Contains(text, "of the grid") {
		t.Error(text)
	}
	read, err := ReadOneRecipe(filepath.Join(c.Out, "one-recipe", "dtl+.json"))
	expect.NoError(t, err)
	if read.Tasks[1].Fingerprint != "of eurosat" || len(read.Points) != 6 || read.Program != "v1" || *read.Points[0].Mean != 75 || read.Points[2].Mean != nil || len(read.Points[2].Failed) != 1 {
		t.Errorf("%+v", read)
	}

	again, err := s.earlier()
	if expect.NoError(t, err); again == nil || again.Recipe.LR != 0.003 {
		t.Errorf("%+v", again)
	}
	c.Grid = "kernel=5,3;lr=1e-3,1e-2,3e-3" // the same points
	_, err = searchOf(t, c, "dtl+").earlier()
	expect.NoError(t, err)
	for words, change := range map[string]func(*Config){
		"chosen with the grid lr=1e-3,3e-3,1e-2;kernel=3,5, but this call asks for lr=1e-3": func(c *Config) { c.Grid = "lr=1e-3" },
		"chosen with the tasks cifar, eurosat, but this call asks for cifar":                func(c *Config) { c.Tasks = "cifar" },
		"chosen with --set , but this call asks for epochs=5":                               func(c *Config) { c.Set = "epochs=5" },
		"chosen with --precision fp32, but this call asks for bf16":                         func(c *Config) { c.Precision = "bf16" },
		"chosen with --drop-path-scope all, but this call asks for suffix":                  func(c *Config) { c.DropPathScope = dtl.DropPathSuffix },
	} {
		other := c
		change(&other)
		_, err := searchOf(t, other, "dtl+").earlier()
		if expect.Error(t, err, words, "one-recipe", "choose another --out"); !errors.As(err, new(*runner.UsageError)) {
			t.Errorf("%v is no UsageError", err)
		}
	}
	other := searchOf(t, c, "dtl+")
	other.backbone.SHA256 = "cd"
	_, err = other.earlier()
	expect.Error(t, err, "the backbone of sha256 ab, but this call asks for cd")
	expect.NoError(t, os.WriteFile(s.path(), []byte(`{"format": 1`), 0o666))
	_, err = s.earlier()
	expect.Error(t, err, s.path(), "remove the file")
}

// TestOneJobs: the cells have the chosen recipe, and places of their own beside those with published recipes.
func TestOneJobs(t *testing.T) {
	c := oneConfig(t, "dtl", "")
	c.Set = "epochs=5"
	p, err := newPlan(c)
	expect.NoError(t, err)
	p.one = map[string]recipe.Recipe{"dtl": {Name: RecipeOne, LR: 0.004, Batch: 16, Options: map[string]string{"rank": "4"}}}
	jobs, err := p.jobs(vitB)
	expect.NoError(t, err)
	j := p.job(jobs[0])
	if f := j.Config; f.LearningRate != 0.004 || f.Epochs != 5 || f.Batch != 16 || f.Options["rank"] != "4" || f.TrainSplit != "" || len(jobs) != 6 {
		t.Errorf("%+v", f)
	}
	if j.Name != "cifar dtl (one recipe) seed 7" || j.File != filepath.Join(c.Out, "cifar", "dtl", "one-recipe", "seed-7.json") || j.Folder != filepath.Join(c.Out, ".work", "cifar", "dtl", "one-recipe", "seed-7") {
		t.Errorf("%s: %s, %s", j.Name, j.File, j.Folder)
	}
}

// TestOneUsage names what contradicts one recipe.
func TestOneUsage(t *testing.T) {
	for words, change := range map[string]func(*Config){
		`--recipe "tuned" is unknown: use one of published, one`: func(c *Config) { c.Recipe = "tuned" },
		"--set lr=1 and the grid lr=3e-4":                        func(c *Config) { c.Set = "lr=1" },
		"--grid kernel=3 has no setting of the method dtl":       func(c *Config) { c.Methods, c.Grid = "dtl,dtl+", "kernel=3" },
		"--grid needs --recipe one":                              func(c *Config) { c.Recipe, c.Grid = "", "lr=1" },
	} {
		c := oneConfig(t, "dtl", "")
		change(&c)
		err := Run(t.Context(), c, runner.UI{})
		if expect.Error(t, err, words); !errors.As(err, new(*runner.UsageError)) {
			t.Errorf("%v is no UsageError", err)
		}
	}
	c := oneConfig(t, "dtl", "")
	c.Tasks = "svhn"
	p, err := newPlan(c)
	expect.NoError(t, err)
	_, err = p.newOneSearch("dtl", result.Backbone{Architecture: vitB})
	expect.Error(t, err, "chosen on the tasks at hand, and there are none", "svhn")
	if end := (axis{"lr", []string{"1e-3", "1e-2", "1e-1"}}).end("1e-1"); end != "largest" {
		t.Error(end)
	}
	if math.IsNaN((&OneRecipe{Tasks: []ChosenOn{{Task: "a"}}}).mean(TriedPoint{Top1: map[string]float64{"a": 1}})) {
		t.Error("the mean of one task")
	}
}
