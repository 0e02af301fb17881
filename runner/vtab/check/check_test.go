package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
)

// run runs the command on a root.
func run(t *testing.T, c Config) (out string, err error) {
	t.Helper()
	if c.Format == "" {
		c.Format = "table"
	}
	var b bytes.Buffer
	err = Run(context.Background(), c, runner.UI{Out: &b, Err: &bytes.Buffer{}, Quiet: true})
	return b.String(), err
}

// TestWhole checks that a data set as complete as KITTI passes, with the fingerprint that a run records.
func TestWhole(t *testing.T) {
	root := t.TempDir()
	kitti := newSet(t, filepath.Join(root, "kitti_distance"), 4, 800, 200, 711) // a known alias
	if err := os.Mkdir(filepath.Join(root, "eurosatt"), 0o777); err != nil {
		t.Fatal(err)
	}
	set, err := data.OpenClasses(kitti.dir, 4)
	if err != nil {
		t.Fatal(err)
	}
	train, err := set.Split(data.TrainVal)
	if err != nil {
		t.Fatal(err)
	}
	test, err := set.Split(data.Test)
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(train, test)
	sums, err := set.Sums(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	want := data.FingerprintOf(all, sums)
	out, err := run(t, Config{Root: root, Format: "json", Quick: true})
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	for key, value := range map[string]any{
		"task": "kitti", "train800": 800.0, "val200": 200.0, "train800val200": 1000.0, "test": 711.0, "classes": 4.0, "classes_of_task": 4.0,
		"unreadable": 0.0, "shared": 0.0, "twice": 0.0, "fingerprint": want, "problems": 0.0, "folder": kitti.dir,
	} {
		if rows[0][key] != value {
			t.Errorf("%s is %v, want %v", key, rows[0][key], value)
		}
	}
	// The labels of the official lists of kitti are unknown, so that a copy cannot be told from them.
	if word, _ := rows[0]["origin"].(string); !strings.HasPrefix(word, "unknown: a copy without prepare.json") || len(rows[0]["findings"].([]any)) != 1 {
		t.Errorf("origin %q, findings %v", word, rows[0]["findings"])
	}
	out, err = run(t, Config{Root: root, Quick: true})
	if err != nil || !strings.Contains(out, want[:12]) || !strings.Contains(out, "Not in "+root) || !strings.Contains(out, "did you mean eurosat") {
		t.Errorf("%v\n%s", err, out)
	}
	_, err = run(t, Config{Root: root, Tasks: "kitti,dtd", Quick: true})
	expect.Error(t, err, "1 problem in dtd")
}

// TestDecoded checks that images are decoded unless --quick is given, JPEG included.
func TestDecoded(t *testing.T) {
	root := t.TempDir()
	s := newSet(t, filepath.Join(root, "kitti"), 4, 8, 4, 6)
	jpeg, err := os.ReadFile("../../data/testdata/rgb.jpg")
	if err != nil {
		t.Fatal(err)
	}
	s.file(t, "images/test/000001.png", jpeg) // the content decides, not the name
	s.file(t, "images/test/000002.png", jpeg[:len(jpeg)/2])
	out, err := run(t, Config{Root: root})
	expect.Error(t, err, "problems in kitti")
	if bad := filepath.Join(s.dir, "test.txt") + " line 3: image "; strings.Count(out, bad) != 1 || strings.Contains(out, "line 2: image") {
		t.Errorf("want one problem %q:\n%s", bad, out)
	}
	if out, _ := run(t, Config{Root: root, Quick: true}); strings.Contains(out, "line 3: image") || !strings.Contains(out, "not decoded") {
		t.Errorf("quick:\n%s", out)
	}
}

// TestRoot checks roots that are not folders of data sets.
func TestRoot(t *testing.T) {
	root := t.TempDir()
	s := newSet(t, filepath.Join(root, "kitti"), 4, 8, 4, 6)
	empty := t.TempDir()
	typo := filepath.Join(t.TempDir(), "root")
	newSet(t, filepath.Join(typo, "eurosatt"), 4, 8, 4, 6)
	for _, c := range []struct {
		c     Config
		usage bool
		words []string
	}{
		{Config{Root: filepath.Join(root, "gone")}, false, []string{"gone", "does not exist"}},
		{Config{Root: filepath.Join(s.dir, "test.txt")}, false, []string{"test.txt is a file"}},
		{Config{Root: s.dir}, false, []string{s.dir, "data set itself", "folder above"}},
		{Config{Root: empty}, false, []string{empty, "no folder of a task"}},
		{Config{Root: typo}, false, []string{"no folder of a task", "eurosatt", "did you mean eurosat"}},
		{Config{Root: root, Tasks: "kittie"}, true, []string{"kittie", "did you mean kitti"}},
		{Config{Root: root, Format: "xml"}, true, []string{"xml", "markdown"}},
	} {
		_, err := run(t, c.c)
		expect.Error(t, err, c.words...)
		var usage *runner.UsageError
		if errors.As(err, &usage) != c.usage {
			t.Errorf("%v: usage error %v, want %v", err, !c.usage, c.usage)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := Run(ctx, Config{Root: root, Format: "table"}, runner.UI{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, Quiet: true})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestRealData checks that EuroSAT's official lists share no image between train and test. To save time it does not decode.
func TestRealData(t *testing.T) {
	out, err := run(t, Config{Root: need.Shared(t, "vtab-1k"), Tasks: "eurosat", Quick: true, Format: "csv"})
	if err != nil || !strings.Contains(out, "eurosat,800,200,1000,5400,10,10,0,0,0,") || !strings.Contains(out, ",\"official lists, unverified pixels: ") {
		t.Errorf("%v\n%s", err, out)
	}
}
