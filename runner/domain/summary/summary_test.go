package summary

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/domain"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
)

// put writes the file of a finished cell. targets are art, of all ten classes, and sketch, of four, whose masked accuracy is 5 higher.
// A negative accuracy is not there.
func put(t *testing.T, root string, c domain.Cell, top1, art, sketch float64) string {
	t.Helper()
	c.Status, c.Recipe = result.Finished, recipe.Recipe{Name: "usual", Epochs: 110, Batch: 32}
	c.Run = &result.Run{
		Status: result.Finished, Method: c.Method, Config: json.RawMessage(`{"epochs":20,"batch":32,"precision":"fp32","augment":"flip","test_resize":256,"test_crop":224}`),
		Backbone: result.Backbone{Path: "x/tiny.npz", SHA256: "0123456789abcdef", Architecture: "vit"},
		Data:     result.Data{Fingerprint: c.Source + c.Target, Root: "data/" + c.Source, Classes: 10},
	}
	if top1 >= 0 {
		c.Run.Accuracy = &result.Accuracy{Top1: top1, Split: "test", Note: result.OnceAfterLast}
	}
	if art >= 0 {
		c.Run.Targets = append(c.Run.Targets, result.Target{Name: "art", Top1: art, Images: 20, Classes: 10, Masked: art})
	}
	if sketch >= 0 {
		c.Run.Targets = append(c.Run.Targets, result.Target{Name: "sketch", Top1: sketch, Images: 20, Classes: 4, Masked: sketch + 5})
	}
	path := c.Path(root)
	expect.NoError(t, sweep.WriteCell(path, &c))
	return path
}

func cell(method string, seed uint64) domain.Cell {
	return domain.Cell{Source: "photo", Method: method, Seed: seed}
}

// results has DTL with three seeds and the classifier alone with one that failed and one that is missing.
func results(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	put(t, root, cell("dtl", 42), 90, 50, 30)
	put(t, root, cell("dtl", 43), 92, 51, 33)
	put(t, root, cell("dtl", 44), 94, 52, 36)
	put(t, root, cell("linear", 42), 80, 45, 20)
	c := cell("linear", 43)
	c.Status, c.Error = result.Failed, "out of\nmemory"
	expect.NoError(t, sweep.WriteCell(c.Path(root), &c))
	return root
}

// table runs the command and returns what it prints.
func table(t *testing.T, c Config) (string, error) {
	t.Helper()
	var out, errors bytes.Buffer
	err := Run(c, runner.UI{Out: &out, Err: &errors})
	return out.String(), err
}

// values parses the table as CSV: accuracy, deviation and seeds by method, masked or not, and domain.
func values(t *testing.T, c Config) map[string][3]string {
	t.Helper()
	c.Format = report.CSV
	text, err := table(t, c)
	expect.NoError(t, err)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	expect.NoError(t, err)
	found := map[string][3]string{}
	for _, r := range rows[1:] {
		name := r[0] + " " + r[4]
		if r[2] == "true" {
			name += " masked"
		}
		found[name] = [3]string(r[6:9])
	}
	return found
}

// TestTable computes means and deviations by hand: of 90, 92, 94 and 50, 51, 52 and 30, 33, 36; the means of the targets by seed are 40,
// 42, 44, and among the classes of sketch 42.5, 44.5, 46.5.
func TestTable(t *testing.T) {
	root := results(t)
	got := values(t, Config{Folders: []string{root, root}, Mask: true})
	for name, want := range map[string][3]string{
		"dtl photo": {"92", "2", "3"}, "dtl art": {"51", "1", "3"}, "dtl sketch": {"33", "3", "3"}, "dtl " + Mean: {"42", "2", "3"},
		"dtl photo masked": {"", "", ""}, "dtl art masked": {"51", "1", "3"}, "dtl sketch masked": {"38", "3", "3"}, "dtl " + Mean + " masked": {"44.5", "2", "3"},
		"linear photo": {"80", "", "1"}, "linear sketch": {"20", "", "1"}, "linear " + Mean: {"32.5", "", "1"}, "linear sketch masked": {"25", "", "1"},
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	if len(got) != 16 {
		t.Errorf("%d values: %v", len(got), got)
	}
	if got := values(t, Config{Folders: []string{root}}); len(got) != 8 {
		t.Errorf("without --mask there are %d values", len(got))
	}
}

// TestText: the table says what it holds, and names what it lacks.
func TestText(t *testing.T) {
	root := results(t)
	path := put(t, root, cell("linear", 42), 80, 45, 20)
	doubtful, err := domain.ReadCell(path)
	expect.NoError(t, err)
	doubtful.Run.Accuracy.Doubt, doubtful.Run.Targets[1].Doubt = "all cats", "all dogs"
	expect.NoError(t, sweep.WriteCell(path, &doubtful))
	text, err := table(t, Config{Folders: []string{root}, Format: report.Markdown})
	expect.NoError(t, err)
	flat := strings.Join(strings.Fields(text), " ")
	for _, want := range []string{
		"| method | photo (source) | art | sketch | mean of 2 targets |",
		"| Linear | 80.0 | 45.0 | 20.0 | 32.5 |", "| DTL | 92.0 ±2.0 | 51.0 ±1.0 | 33.0 ±3.0 | 42.0 ±2.0 |",
		"mean and sample standard deviation over the seeds 42, 43, 44", "One training for all targets: each model was trained on photo",
		"Backbone: tiny.npz, vit, sha256 0123456789ab.", "augmentation flip; test images scaled to 256 x 256, of which the centre of 224 x 224; the weights after the last epoch",
		"Targets with images of a part of the classes: sketch 4 of 10.", "(--mask adds rows",
		"Failed: photo linear seed 43: out of memory", "Missing, 2 of 6 cells: photo linear seed 43, photo linear seed 44.",
		"Linear: trained with the recipe usual: 20 epochs, batch 32, fp32.",
		"photo linear seed 42 seems to know nothing about the images of photo: all cats.", "photo linear seed 42 seems to know nothing about the images of sketch: all dogs.",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	for _, format := range []string{report.Text, report.LaTeX, report.JSON} {
		text, err := table(t, Config{Folders: []string{root}, Format: format, Mask: true})
		if err != nil || !strings.Contains(text, "DTL") || !strings.Contains(text, "masked") || !strings.Contains(text, "One training for all targets") {
			t.Errorf("%s: %v\n%s", format, err, text)
		}
	}
	whole := t.TempDir()
	put(t, whole, cell("dtl", 42), 90, 50, -1)
	if text, err = table(t, Config{Folders: []string{whole}, Format: report.Markdown, Mask: true}); err != nil || !strings.Contains(text, "so masked rows are equal to the others") {
		t.Errorf("targets with all classes: %v\n%s", err, text)
	}
	// A source without test images, and a target that is not tested with every seed.
	put(t, root, cell("lora", 42), -1, 40, -1)
	got := values(t, Config{Folders: []string{root}})
	if got["lora photo"] != [3]string{} || got["lora art"][0] != "40" || got["lora sketch"] != [3]string{} || got["lora "+Mean] != [3]string{} {
		t.Errorf("lora: %v", got)
	}
	text, err = table(t, Config{Folders: []string{root}, Format: report.Markdown})
	expect.NoError(t, err)
	for _, want := range []string{"Not tested on photo: photo lora seed 42.", "Not tested on sketch: photo lora seed 42."} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

// TestProtocols: trainings for single targets are never in a table with those for all.
func TestProtocols(t *testing.T) {
	root := t.TempDir()
	for _, seed := range []uint64{0, 1} {
		put(t, root, domain.Cell{Source: "imagenet", Target: "imagenet", Method: "dtl", Seed: seed}, 70+float64(seed), -1, -1)
		put(t, root, domain.Cell{Source: "imagenet", Target: "art", Method: "dtl", Seed: seed}, -1, 60+float64(seed), -1)
		put(t, root, domain.Cell{Source: "imagenet", Target: "sketch", Method: "dtl", Seed: seed}, -1, -1, 20+2*float64(seed))
	}
	each := Config{Folders: []string{root}}
	text, err := table(t, Config{Folders: each.Folders, Format: report.Markdown})
	expect.NoError(t, err)
	if !strings.Contains(text, "One training for each target") || strings.Contains(text, "One training for all") || strings.Contains(text, "Not tested") || strings.Contains(text, "Missing") {
		t.Errorf("the protocol: %s", text)
	}
	got := values(t, each)
	for name, want := range map[string]float64{"dtl imagenet": 70.5, "dtl art": 60.5, "dtl sketch": 21, "dtl " + Mean: 40.75} {
		var v float64
		expect.NoError(t, json.Unmarshal([]byte(got[name][0]), &v))
		if math.Abs(v-want) > 1e-9 || got[name][2] != "2" {
			t.Errorf("%s: %v, want %v of 2 seeds", name, got[name], want)
		}
	}
	put(t, root, domain.Cell{Source: "imagenet", Method: "dtl", Seed: 0}, 50, 10, 12)
	if got := values(t, each); got["dtl imagenet"][0] != "50" || got["dtl art"][0] != "10" {
		t.Errorf("the table of one training for all: %v", got)
	}
	text, err = table(t, Config{Folders: each.Folders, Format: report.Markdown})
	if expect.NoError(t, err); !strings.Contains(text, "Not in this table: 6 cells of trainings for single targets (--per-target prints them).") {
		t.Errorf("what is left out: %s", text)
	}
	if got := values(t, Config{Folders: each.Folders, PerTarget: true}); got["dtl imagenet"][0] != "70.5" {
		t.Errorf("the table of one training for each: %v", got)
	}
}

// TestRefused: what can't be one table is an error.
func TestRefused(t *testing.T) {
	root := results(t)
	for _, c := range []struct {
		change func(c *Config)
		want   string
	}{
		{func(c *Config) { c.Format = "xml" }, "--format"},
		{func(c *Config) { c.Folders = nil }, "give the folder with the results"},
		{func(c *Config) { c.Folders = []string{t.TempDir()} }, "no results in "},
		{func(c *Config) { c.Source = "art" }, "--source art: there are only results of photo"},
		{func(c *Config) { c.PerTarget = true }, "--per-target: all results are of one training for all targets"},
	} {
		config := Config{Folders: []string{root}, Format: report.Text}
		c.change(&config)
		_, err := table(t, config)
		expect.Error(t, err, c.want)
	}
	put(t, root, domain.Cell{Source: "art", Method: "dtl", Seed: 42}, 1, -1, 3)
	_, err := table(t, Config{Folders: []string{root}, Format: report.Text})
	expect.Error(t, err, "the results are of the sources art, photo, and a table is of one: choose it with --source")
	if got := values(t, Config{Folders: []string{root}, Source: "art"}); got["dtl sketch"][0] != "3" {
		t.Errorf("the source art: %v", got)
	}

	root = results(t)
	path := cell("dtl", 43).Path(root)
	content, err := os.ReadFile(path)
	expect.NoError(t, err)
	expect.NoError(t, os.WriteFile(path, bytes.Replace(content, []byte(`"fingerprint": "photo"`), []byte(`"fingerprint": "other"`), 1), 0o666))
	_, err = table(t, Config{Folders: []string{root}, Format: report.Text})
	expect.Error(t, err, "the data set of photo is not the same in all results", path)
	expect.NoError(t, os.WriteFile(path, content[:100], 0o666))
	text, err := table(t, Config{Folders: []string{root}, Format: report.Text})
	if expect.Error(t, err, "the table lacks 1 unreadable file", path); !strings.Contains(text, "92.0") {
		t.Errorf("the rest of the table: %s", text)
	}
}
