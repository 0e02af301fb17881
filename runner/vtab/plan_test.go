package vtab

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/internal/stat"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
)

// planned returns the plan of a configuration, and its jobs for ViT-B/16.
func planned(t *testing.T, c Config) (*plan, []job) {
	t.Helper()
	p, err := newPlan(c)
	expect.NoError(t, err)
	jobs, err := p.jobs(vitB)
	expect.NoError(t, err)
	return p, jobs
}

func names(t *testing.T, c Config) []string {
	t.Helper()
	var list []string
	p, jobs := planned(t, c)
	var all []sweep.Job
	for _, j := range jobs {
		all = append(all, p.job(j))
	}
	for _, j := range p.OfShard(all) {
		list = append(list, j.Name)
	}
	return list
}

// TestJobs: a whole table of the first seed comes before the second seed.
func TestJobs(t *testing.T) {
	got := names(t, Config{Config: sweep.Config{Methods: "lora,dtl", Seeds: "43,42"}, Tasks: "eurosat,cifar"})
	want := []string{"cifar lora seed 43", "cifar dtl seed 43", "eurosat lora seed 43", "eurosat dtl seed 43",
		"cifar lora seed 42", "cifar dtl seed 42", "eurosat lora seed 42", "eurosat dtl seed 42"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if n := len(names(t, Config{Config: sweep.Config{Methods: "all", Seeds: "42,43,44"}, Tasks: "all"})); n != 19*19*3 {
		t.Errorf("%d cells of everything", n)
	}
}

// TestShards: every cell is in exactly one shard, shards differ by one cell at most, and no shard is made of one method.
func TestShards(t *testing.T) {
	c := Config{Config: sweep.Config{Methods: "dtl,dtl+,linear,lora", Seeds: "42,43,44"}, Tasks: "all"}
	all := names(t, c)
	for n := 1; n <= 9; n++ {
		seen := map[string]int{}
		for i := 1; i <= n; i++ {
			c.Shard = fmt.Sprintf("%d/%d", i, n)
			mine := names(t, c)
			if len(mine) < len(all)/n || len(mine) > (len(all)+n-1)/n {
				t.Errorf("shard %s has %d of %d cells", c.Shard, len(mine), len(all))
			}
			methods := map[string]bool{}
			for _, name := range mine {
				seen[name]++
				methods[strings.Fields(name)[1]] = true
			}
			if len(methods) != 4 {
				t.Errorf("shard %s has the methods %v", c.Shard, methods)
			}
			if !slices.Equal(mine, names(t, c)) {
				t.Errorf("shard %s changes", c.Shard)
			}
		}
		for _, name := range all {
			if seen[name] != 1 {
				t.Errorf("%d shards: %s is in %d of them", n, name, seen[name])
			}
		}
	}
}

// TestFineTune: recipe and overrides arrive in the training.
func TestFineTune(t *testing.T) {
	c := Config{Tasks: "eurosat", Config: sweep.Config{
		Config:  finetune.Config{Out: "r", StepConfig: runner.StepConfig{Precision: "fp32"}},
		Methods: "dtl+,linear", Seeds: "7", Set: "drop_path=0.3,kernel=5,precision=bf16,pool=cls",
	}}
	_, jobs := planned(t, c)
	f := jobs[0].config
	// eurosat, dtl+ on ViT-B in the official scripts: learning rate 0.003, drop path 0.1, kernel 3.
	if f.LearningRate != 0.003 || f.DropPath != 0.3 || f.Options["kernel"] != "5" || f.Options["rank"] != "2" || f.Epochs != 110 ||
		f.Batch != 32 || f.WeightDecay != 0.05 || f.Seed != 7 || f.Classes != 10 || f.Precision != "bf16" || f.Pool != "cls" || f.TrainSplit != "" || f.EvalSplit != "" {
		t.Errorf("%+v", f)
	}
	if jobs[1].overrides["kernel"] != "" || jobs[1].overrides["drop_path"] != "0.3" {
		t.Errorf("linear has no kernel: %v", jobs[1].overrides)
	}
	c = Config{Config: sweep.Config{Methods: "dtl", Seeds: "7", Set: "epochs=3"}, Tasks: "eurosat", Grid: "lr=1,2;drop-path=0,0.1,0"}
	_, jobs = planned(t, c)
	var points []string
	for _, j := range jobs {
		points = append(points, j.point.String()+" "+j.overrides.String())
	}
	want := []string{"lr=1,drop_path=0 lr=1,drop_path=0,epochs=3", "lr=2,drop_path=0 lr=2,drop_path=0,epochs=3",
		"lr=1,drop_path=0.1 lr=1,drop_path=0.1,epochs=3", "lr=2,drop_path=0.1 lr=2,drop_path=0.1,epochs=3"}
	if !slices.Equal(points, want) {
		t.Errorf("%q", points)
	}
	if f := jobs[0].config; f.TrainSplit != "train" || f.EvalSplit != "val" {
		t.Errorf("a search trains on %q and evaluates on %q", f.TrainSplit, f.EvalSplit)
	}
}

func TestUsage(t *testing.T) {
	good := Config{Config: sweep.Config{Methods: "dtl", Seeds: "1"}, Tasks: "eurosat"}
	for words, change := range map[string]func(*Config){
		"did you mean lora?":       func(c *Config) { c.Methods = "dtl,lore" },
		"did you mean eurosat?":    func(c *Config) { c.Tasks = "eurosa" },
		"--seeds":                  func(c *Config) { c.Seeds = "1,-2" },
		"did you mean drop_path?":  func(c *Config) { c.Set = "drop_pth=1" },
		"none of the methods":      func(c *Config) { c.Set = "kernel=3" },
		`--shard "0/2"`:            func(c *Config) { c.Shard = "0/2" },
		`--shard "3/2"`:            func(c *Config) { c.Shard = "3/2" },
		`--shard "2"`:              func(c *Config) { c.Shard = "2" },
		`--shard "1/2/3"`:          func(c *Config) { c.Shard = "1/2/3" },
		"NAME=VALUE,VALUE":         func(c *Config) { c.Grid = "lr" },
		"lr is given twice":        func(c *Config) { c.Grid = "lr=1;lr=2" },
		"did you mean epochs?":     func(c *Config) { c.Grid = "epoch=1,2" },
		"--grid":                   func(c *Config) { c.Grid = "lr=1,,2" },
		"not a value of a setting": func(c *Config) { c.Grid = "rank=../1" },
		"more than 10000 points":   func(c *Config) { c.Grid = "lr=1" + strings.Repeat(",2,3", 60) + ";batch=1" + strings.Repeat(",2", 100) },
	} {
		c := good
		change(&c)
		_, err := newPlan(c)
		var usage *runner.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want a usage error with %q", err, words)
		}
	}
}

func TestSearchOrder(t *testing.T) {
	root := t.TempDir()
	c := Config{Config: sweep.Config{Config: finetune.Config{Out: root}, Methods: "dtl", Seeds: "1,2"}, Tasks: "eurosat", Grid: "lr=1,2,3,4"}
	plan, jobs := planned(t, c)
	top1 := map[string]float64{"lr=1": 50, "lr=2": 60, "lr=3": 60}
	for _, j := range jobs {
		if v, ok := top1[j.point.String()]; ok {
			write(t, j, v+float64(j.seed)) // a mean of 1.5 more
		}
	}
	list, err := plan.outcomes()
	expect.NoError(t, err)
	var order []string
	for _, o := range list {
		order = append(order, o.point.String())
	}
	if !slices.Equal(order, []string{"lr=2", "lr=3", "lr=1", "lr=4"}) || list[0].mean() != 61.5 || list[3].missing == "" {
		t.Errorf("%q %+v", order, list)
	}
	// The standard deviation of a sample: for 61 and 62 it is the square root of a half.
	if d := stat.Deviation(list[0].top1); d < 0.70710 || d > 0.70711 {
		t.Errorf("deviation %v", d)
	}
}

// write makes the cell of a job with an accuracy.
func write(t *testing.T, j job, top1 float64) {
	t.Helper()
	expect.NoError(t, sweep.WriteCell(j.cell().Path(j.results), &Cell{
		Task: j.task.Folder, Method: j.method, Seed: j.seed,
		Outcome: sweep.Outcome{Status: result.Finished, Run: &result.Run{Status: result.Finished, Accuracy: &result.Accuracy{Top1: top1}}},
	}))
}

// TestUsualRate: the usual rates of fine-tuning are the medians of the recipes.
func TestUsualRate(t *testing.T) {
	for _, method := range dtl.Names() {
		for _, architecture := range []string{vitB, swinB} {
			var rates []float64
			for _, task := range suite.Tasks() {
				rates = append(rates, RecipeOf(task, method, architecture).LR)
			}
			slices.Sort(rates)
			if got, _ := finetune.UsualRate(method); got != rates[len(rates)/2] {
				t.Errorf("%s: usual rate %v, the median on %.4s is %v", method, got, architecture, rates[len(rates)/2])
			}
		}
	}
}
