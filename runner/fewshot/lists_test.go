package fewshot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/data"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/sweep"
)

// put writes a file and the folders that it is in.
func put(t *testing.T, path, content string) {
	t.Helper()
	expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
	expect.NoError(t, os.WriteFile(path, []byte(content), 0o666))
}

// planOf is the plan of a sweep of DTL on a folder.
func planOf(t *testing.T, root string, change func(*Config)) (*plan, error) {
	t.Helper()
	c := Default()
	c.Data, c.Out, c.Methods, c.Shots, c.Seeds = root, filepath.Join(t.TempDir(), "results"), "dtl", "1", "0"
	if change != nil {
		change(&c)
	}
	return newPlan(c)
}

// opened opens the data of a plan.
func opened(t *testing.T, root string, change func(*Config)) (p *plan, list []source, notes string, err error) {
	t.Helper()
	p, err = planOf(t, root, change)
	if err == nil {
		list, err = p.open(func(format string, args ...any) { notes += fmt.Sprintf(format, args...) + "\n" })
	}
	return p, list, notes, err
}

// TestFlowers reads the official lists of Flowers-102: 1,633 validation and 2,463 test images, and the same number of each class to
// train on.
func TestFlowers(t *testing.T) {
	root := need.Shared(t, "few-shot")
	p, list, notes, err := opened(t, root, func(c *Config) { c.Shots, c.Seeds = "1,2,4,8,16", "0,1,2" })
	expect.NoError(t, err)
	if len(list) != 1 || list[0].Name != "Flowers-102" || list[0].Classes != 102 || notes != "" {
		t.Fatalf("%+v, %s", list, notes)
	}
	for _, c := range []struct {
		list string
		want int
	}{{valList, 1633}, {testList, 2463}, {trainList(16, 2), 1632}} {
		counts, err := list[0].count(c.list)
		if err != nil || sum(counts) != c.want {
			t.Errorf("%s: %d images, %v, want %d", c.list, sum(counts), err, c.want)
		}
	}
	set, err := data.OpenListed(list[0].images, list[0].listsOf(2, 1, true), 102, nil)
	expect.NoError(t, err)
	items, err := set.Split(data.Train)
	expect.NoError(t, err)
	// The first line of the official list.
	if len(items) != 204 || items[0].Name != "image_00144.jpg" || items[0].Label != 76 || items[0].Path != filepath.Join(root, "oxford-flowers102", "image_00144.jpg") {
		t.Errorf("%d images, the first is %+v", len(items), items[0])
	}
	if _, _, _, err := opened(t, root, func(c *Config) { c.Seeds = "0,3" }); err == nil || !strings.Contains(err.Error(), "there are lists of 1, 2, 4, 8, 16 shots with the split seeds 0, 1, 2") {
		t.Errorf("an unknown seed: %v", err)
	}
	jobs, err := p.jobs(list, backboneOf(vitB, 224), func(string, ...any) {})
	expect.NoError(t, err)
	if got := jobs[0].Config.Origin; !strings.HasPrefix(got, "unknown: the lists have the published sizes") {
		t.Errorf("origin %q", got)
	}
}

// TestOriginOf: the record of a run says what is known about the lists.
func TestOriginOf(t *testing.T) {
	known, ok := Known("oxford-pets")
	if !ok {
		t.Fatal("oxford-pets is unknown")
	}
	for _, c := range []struct {
		s     source
		notes []string
		want  string
	}{
		{source{Set: known}, nil, "unknown: the lists have the published sizes"},
		{source{Set: known}, []string{"a has 3 images", "b has 4"}, "not official: a has 3 images; b has 4"},
		{source{Set: Set{Folder: "my set"}}, nil, "not official: a data set that is not in the experiment"},
	} {
		if got := c.s.originOf(c.notes); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// official makes the layout for two classes of one data set, whose names have blanks.
func official(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	lists := filepath.Join(root, splitFolder, "my set", annotations)
	for name, content := range map[string]string{
		trainList(1, 0): "a/one 1.jpg 0\nb.jpg 1\n", trainList(2, 0): "a/one 1.jpg 0\nb.jpg 1\nc.jpg 0\nd.jpg 1",
		valList: "e.jpg 0\nf.jpg 1\n", testList: "g.jpg 1\nh.jpg 0\ni.jpg 0\n",
	} {
		put(t, filepath.Join(lists, name), content)
	}
	for _, image := range []string{"a/one 1.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg", "g.jpg", "h.jpg", "i.jpg"} {
		put(t, filepath.Join(root, "my set", image), image)
	}
	return root
}

// TestOwnLists: a data set that is none of the experiment's is read in the same layout, also with the lists elsewhere.
func TestOwnLists(t *testing.T) {
	root := official(t)
	_, list, notes, err := opened(t, root, func(c *Config) { c.Shots = "1,2" })
	expect.NoError(t, err)
	if len(list) != 1 || list[0].Folder != "my set" || list[0].Classes != 2 || notes != "" {
		t.Errorf("%+v %s", list, notes)
	}
	set, err := data.OpenListed("", list[0].listsOf(1, 0, true), 2, nil)
	expect.NoError(t, err)
	if items, err := set.Split(data.Train); err != nil || items[0].Name != "a/one 1.jpg" || items[0].Label != 0 {
		t.Errorf("%+v, %v", items, err)
	}
	elsewhere := filepath.Join(t.TempDir(), "lists")
	expect.NoError(t, os.Rename(filepath.Join(root, splitFolder), elsewhere))
	_, list, _, err = opened(t, root, func(c *Config) { c.Splits = elsewhere })
	if err != nil || len(list) != 1 || list[0].images != filepath.Join(root, "my set") {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestBadLists: every mistake in lists is reported with its file before anything is trained.
func TestBadLists(t *testing.T) {
	for words, damage := range map[string]func(t *testing.T, root, lists string){
		"num_shot_1.seed_0 line 2: label 2 is out of range: 2 classes": func(t *testing.T, root, lists string) {
			put(t, filepath.Join(lists, trainList(1, 0)), "b.jpg 1\nc.jpg 2\n")
		},
		"num_shot_1.seed_0 lacks 1 of the 2 classes of my set: 0": func(t *testing.T, root, lists string) {
			put(t, filepath.Join(lists, trainList(1, 0)), "b.jpg 1\n")
		},
		"num_shot_1.seed_0 has 2 of class 1, and a list of 1 shots": func(t *testing.T, root, lists string) {
			put(t, filepath.Join(lists, trainList(1, 0)), "c.jpg 0\nb.jpg 1\nd.jpg 1\n")
		},
		"val_meta.list line 3: f.jpg is in line 2 already": func(t *testing.T, root, lists string) {
			put(t, filepath.Join(lists, valList), "e.jpg 0\nf.jpg 1\nf.jpg 1\n")
		},
		"val_meta.list is empty": func(t *testing.T, root, lists string) {
			put(t, filepath.Join(lists, valList), "\n")
		},
		"val_meta.list lacks 1 of the 2 classes": func(t *testing.T, root, lists string) {
			put(t, filepath.Join(lists, valList), "f.jpg 1\n")
		},
		"val_meta.list line 1: \"e.jpg\": want a path and a label": func(t *testing.T, root, lists string) {
			put(t, filepath.Join(lists, valList), "e.jpg\n")
		},
		"annotations/val_meta.list: no such file or directory": func(t *testing.T, root, lists string) {
			expect.NoError(t, os.Remove(filepath.Join(lists, valList)))
		},
		"there are lists of 2 shots with the split seeds 0": func(t *testing.T, root, lists string) {
			expect.NoError(t, os.Remove(filepath.Join(lists, trainList(1, 0))))
		},
		"the pictures of my set: stat": func(t *testing.T, root, lists string) {
			expect.NoError(t, os.RemoveAll(filepath.Join(root, "my set")))
		},
		"has no lists: looked for SET/annotations/val_meta.list": func(t *testing.T, root, lists string) {
			expect.NoError(t, os.RemoveAll(filepath.Dir(lists)))
		},
	} {
		root := official(t)
		damage(t, root, filepath.Join(root, splitFolder, "my set", annotations))
		if _, _, _, err := opened(t, root, nil); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %q", err, words)
		}
	}
	root := official(t)
	put(t, filepath.Join(root, splitFolder, "my set", annotations, valList), "")
	if _, list, _, err := opened(t, root, func(c *Config) { c.Select = finetune.SelectLast }); err != nil || len(list[0].listsOf(1, 0, false)) != 2 {
		t.Errorf("without a choice no validation images are needed: %v", err)
	}
	root = official(t)
	for words, change := range map[string]func(*Config){
		`--sets: "oxford-pet" is unknown: did you mean oxford-pets?`: func(c *Config) { c.Sets = "oxford-pet" },
		"there are no lists of standford-cars":                       func(c *Config) { c.Sets = "Stanford-Cars" },
		"there are no lists of fgvc-aircraft":                        func(c *Config) { c.Sets = AllSets },
		`--shots: "0" is not a number of images`:                     func(c *Config) { c.Shots = "1,0" },
		`--shots: "two" is not a number of images`:                   func(c *Config) { c.Shots = "two" },
		"num_shot_4.seed_0: no such file":                            func(c *Config) { c.Shots = "4" },
		"--data is required":                                         func(c *Config) { c.Data = "" },
		"none/lists":                                                 func(c *Config) { c.Splits = "none/lists" },
	} {
		if _, _, _, err := opened(t, root, change); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %q", err, words)
		}
	}
}

// TestMissingPicture: the error of a picture that is not there has its path.
func TestMissingPicture(t *testing.T) {
	root := official(t)
	expect.NoError(t, os.Remove(filepath.Join(root, "my set", "h.jpg")))
	_, list, _, err := opened(t, root, nil)
	expect.NoError(t, err)
	_, err = data.OpenListed("", list[0].listsOf(1, 0, true), 2, nil)
	if err == nil || !strings.Contains(err.Error(), filepath.Join("my set", "h.jpg")) || !strings.Contains(err.Error(), "test_meta.list line 2") {
		t.Errorf("%v", err)
	}
}

// TestCellFile: the names in a cell's file are a promise to other programs.
func TestCellFile(t *testing.T) {
	c := Cell{Set: "food101", Shots: 4, Method: "dtl+", Seed: 2, Outcome: sweep.Outcome{Status: "failed", Error: "no images"}}
	root := t.TempDir()
	path := CellPath(root, c.Set, c.Shots, c.Method, c.Seed)
	if path != filepath.Join(root, "food101", "shots-4", "dtl+", "seed-2.json") {
		t.Errorf("path %s", path)
	}
	expect.NoError(t, sweep.WriteCell(path, &c))
	b, err := os.ReadFile(path)
	expect.NoError(t, err)
	for _, field := range []string{`"format": 1`, `"set": "food101"`, `"shots": 4`, `"method": "dtl+"`, `"split_seed": 2`, `"status": "failed"`} {
		if !strings.Contains(string(b), field) {
			t.Errorf("the file lacks %s:\n%s", field, b)
		}
	}
	misplaced := CellPath(root, c.Set, 8, c.Method, c.Seed)
	put(t, misplaced, string(b))
	cells, bad, err := ReadCells(root)
	if err != nil || len(cells) != 1 || cells[0].Key() != "food101 4-shot dtl+ split 2" || len(bad) != 1 || !strings.Contains(bad[0].Error(), misplaced) {
		t.Errorf("%+v, %v, %v", cells, bad, err)
	}
	for _, broken := range []string{"", "{}", `{"format": 2, "set": "a"}`, strings.Replace(string(b), "food101", "../food101", 1), strings.Replace(string(b), `"shots": 4`, `"shots": 0`, 1),
		strings.Replace(string(b), `"status": "failed",`, `"status": "finished", "run": {"format": 1, "status": "finished", "targets": [{"name": "d", "top1": 1}]},`, 1)} {
		put(t, path, broken)
		if _, err := ReadCell(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%.40q: %v", broken, err)
		}
	}
}
