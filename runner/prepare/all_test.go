package prepare

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
)

// allOf prepares what is in a folder.
func allOf(t *testing.T, from, out string) (map[string]Outcome, string) {
	t.Helper()
	var b, printed bytes.Buffer
	list, err := All(t.Context(), Config{From: from, Out: out, Train: 10, Val: 3, Test: -1, Seed: 42}, runner.UI{Out: &b, Err: &b, Version: "test"})
	expect.NoError(t, err)
	expect.NoError(t, PrintAll(&printed, list))
	byTask := map[string]Outcome{}
	for _, o := range list {
		byTask[o.Task] = o
	}
	if len(byTask) != 19 {
		t.Errorf("%d tasks, want 19", len(byTask))
	}
	return byTask, printed.String()
}

// TestAll prepares a folder with some data sets in different forms, twice, and looks at what is said about the others.
func TestAll(t *testing.T) {
	from := t.TempDir()
	for _, name := range []string{"svhn", "smallnorb", "tfds/kitti"} {
		expect.NoError(t, os.CopyFS(filepath.Join(from, "downloads", name), os.DirFS(filepath.Join("testdata", name))))
	}
	archive := "cifar-100-python.tar.gz"
	expect.NoError(t, os.WriteFile(filepath.Join(from, archive), read(t, filepath.Join("testdata", archive)), 0o666))
	expect.NoError(t, os.WriteFile(filepath.Join(from, camelyonFile("train", "y")), []byte("x"), 0o666))
	counts := map[string]int{"train": 40, "test": 12} // svhn's; smallNORB fails with them
	sized(t, counts)

	out := filepath.Join(t.TempDir(), "vtab")
	got, printed := allOf(t, from, out)
	for task, state := range map[string]string{"svhn": Made, "cifar": Made, "kitti": Made, "smallnorb_azi": Failed, "smallnorb_ele": Failed, "patch_camelyon": Failed,
		"dtd": Missing, "eurosat": Missing, "dsprites_ori": Missing, "caltech101": Missing} {
		if o := got[task]; o.State != state || (o.Record != nil) != (state == Made) || (o.Note == "") != (state == Made) {
			t.Errorf("%s: %s, %q, want %s", task, o.State, o.Note, state)
		}
	}
	rows := originals(t, "svhn")
	check(t, filepath.Join(out, "svhn"), "test", pick(t, rows, "test", strconv.Itoa), sumPixels)
	entries, err := os.ReadDir(out)
	expect.NoError(t, err)
	if len(entries) != 3 {
		t.Errorf("%d folders, want 3: %v", len(entries), entries)
	}
	for _, text := range []string{
		"missing  eurosat: EuroSAT.zip (94280567 bytes)", "missing  dtd: dtd-r1.0.1.tar.gz (625239812 bytes)", "dsprites_ndarray",
		camelyonFile("train", "x") + " (6421353462 bytes)", "failed   smallnorb_azi: ", "not official",
	} {
		if !strings.Contains(printed, text) {
			t.Errorf("the text lacks %q:\n%s", text, printed)
		}
	}

	again := map[string]int{}
	got, _ = allOf(t, from, out)
	for _, o := range got {
		again[o.State]++
	}
	if again[Kept] != 3 || again[Made] != 0 || got["svhn"].Record == nil {
		t.Errorf("the second time: %v", again)
	}
	expect.NoError(t, os.Remove(filepath.Join(out, "svhn", RecordFile)))
	got, _ = allOf(t, from, out)
	if o := got["svhn"]; o.State != Failed || !strings.Contains(o.Note, "move it away") {
		t.Errorf("another folder: %+v", o)
	}
}

// TestFindRAR checks that a RAR archive, which is not read, is pointed out.
func TestFindRAR(t *testing.T) {
	from := t.TempDir()
	plant(t, filepath.Join(from, "NWPU-RESISC45.rar"), []byte("Rar!"))
	have, err := takeStock(t.Context(), from)
	expect.NoError(t, err)
	if o := have.find("resisc45"); o.State != Missing || !strings.Contains(o.Note, "NWPU-RESISC45.rar is there: unpack it") {
		t.Errorf("%+v", o)
	}
}

// TestFindAll checks where the files of a task are found.
func TestFindAll(t *testing.T) {
	from := t.TempDir()
	for _, name := range []string{"EuroSAT/2750/Forest/Forest_1.jpg", "rest/NWPU-RESISC45/airport/airport_001.jpg", "cifar-100-binary/train.bin", "a/dtd/labels/train1.txt",
		"tfds/dmlab/2.0.1/dmlab-train.tfrecord-00000-of-00001", "tfds/dmlab/2.0.1/dataset_info.json", "tfds/svhn_cropped/3.0.0/svhn_cropped-test.tfrecord-00000-of-00001",
		"tfds/clevr/3.0.0/clevr-train.tfrecord-00000-of-00001", "tfds/clevr/3.1.0/clevr-train.tfrecord-00000-of-00001"} {
		plant(t, filepath.Join(from, name), []byte("x"))
	}
	have, err := takeStock(t.Context(), from)
	expect.NoError(t, err)
	for task, want := range map[string]string{"eurosat": "EuroSAT/2750", "resisc45": "rest/NWPU-RESISC45", "cifar": "cifar-100-binary", "dtd": ".",
		"dmlab": "tfds/dmlab/2.0.1", "svhn": "tfds/svhn_cropped/3.0.0"} {
		o := have.find(task)
		if rel, err := filepath.Rel(from, o.From); err != nil || rel != want || o.State != "" {
			t.Errorf("%s: %s, want %s", task, rel, want)
		}
	}
	if o := have.find("clevr_dist"); o.State != Failed || !strings.Contains(o.Note, "keep one version") {
		t.Errorf("two versions: %+v", o)
	}
	if o := have.find("sun397"); o.State != Missing || !strings.Contains(o.Note, "sun397-*.tfrecord-*") {
		t.Errorf("none: %+v", o)
	}
}

func TestAllRefused(t *testing.T) {
	from := t.TempDir()
	file := plant(t, filepath.Join(t.TempDir(), "file"), []byte("x"))
	good := Config{From: from, Out: filepath.Join(t.TempDir(), "vtab"), Train: 800, Val: 200, Test: -1}
	for name, change := range map[string]func(c *Config){
		"link":           func(c *Config) { c.Link = true },
		"seed":           func(c *Config) { c.Seeded = true },
		"a file":         func(c *Config) { c.From = file },
		"in one another": func(c *Config) { c.Out = filepath.Join(from, "vtab") },
		"no folder":      func(c *Config) { c.Out = "" },
	} {
		c := good
		change(&c)
		if _, err := All(t.Context(), c, runner.UI{Quiet: true}); !wrongUse(err) {
			t.Errorf("%s: %v is not wrong usage", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	plant(t, filepath.Join(from, svhnTest), []byte("x"))
	if _, err := All(ctx, good, runner.UI{Quiet: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if tasks := Tasks(); slices.Contains(tasks, AllTasks) {
		t.Errorf("%q is a task", AllTasks)
	}
}
