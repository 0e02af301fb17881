package finetune

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/train"
)

// TestNothingIsLeft: once a run has ended, by itself, by an interruption or by an error, it has left no goroutine, no open file, no mapping
// and no temporary file. A sweep does hundreds in one process.
func TestNothingIsLeft(t *testing.T) {
	_, err := os.Stat("/proc/self/fd")
	need.NoError(t, err)
	cached := deepRun(t)
	cached.Select, cached.SelectEvery, cached.EMA = SelectBest, 1, 0.5
	watched := selecting(t)
	watched.Epochs = 2
	cached.Data = watched.Data
	for i, c := range []struct {
		name string
		run  func(out string) error
	}{
		{"the first of the process", func(out string) error {
			c := watched
			c.Out = out
			_, err := Run(t.Context(), c, quietUI())
			return err
		}},
		{"from the feature cache", func(out string) error {
			c := cached
			c.Out = out
			_, err := Run(t.Context(), c, quietUI())
			return err
		}},
		{"together", func(out string) error {
			_, err := Together(t.Context(), runsOf(t, filepath.Base(out))[:2], quietUI())
			return err
		}},
		{"interrupted", func(out string) error {
			c := cached
			c.Out = out
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ui := quietUI()
			ui.Watch = func(h *train.Hooks) { h.OnStep("stop", func(train.Info) error { cancel(); return nil }) }
			if _, err := Run(ctx, c, ui); !errors.Is(err, context.Canceled) {
				return errors.New("it was not interrupted")
			}
			return nil
		}},
		{"failed", func(out string) error {
			c := watched
			c.Out = out
			ui := quietUI()
			ui.Watch = func(h *train.Hooks) { h.OnEpochEnd("fail", func(train.Info) error { return errors.New("on purpose") }) }
			if _, err := Run(t.Context(), c, ui); err == nil || !strings.Contains(err.Error(), "on purpose") {
				return errors.New("it did not fail")
			}
			return nil
		}},
	} {
		temporary := t.TempDir()
		t.Setenv("TMPDIR", temporary)
		folder := t.TempDir()
		if i == 0 { // TensorFlow starts threads and opens files once in a process
			expect.NoError(t, c.run(filepath.Join(folder, "first")))
			continue
		}
		goroutines, files, mapped := runtime.NumGoroutine(), open(t), mappings(t, cached.FeatureCache)
		expect.NoError(t, c.run(filepath.Join(folder, "second")))
		var now int
		for try := 0; try < 100; try++ { // those of contexts end a little later
			if now = runtime.NumGoroutine(); now <= goroutines {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if now > goroutines {
			stacks := make([]byte, 1<<20)
			t.Errorf("%s: %d goroutines before, %d after:\n%s", c.name, goroutines, now, stacks[:runtime.Stack(stacks, true)])
		}
		if after := open(t); len(after) > len(files) {
			t.Errorf("%s: open files %q, before %q", c.name, after, files)
		}
		if after := mappings(t, cached.FeatureCache); after > mapped {
			t.Errorf("%s: %d files of the feature cache are mapped, %d before", c.name, after, mapped)
		}
		if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v in the folder for temporary files: %v", c.name, left, err)
		}
		expect.NoError(t, filepath.WalkDir(filepath.Dir(cached.FeatureCache), func(path string, _ os.DirEntry, err error) error {
			if strings.Contains(path, "tmp-") {
				t.Errorf("%s: left %s", c.name, path)
			}
			return err
		}))
	}
}

// open lists what the open files of this process are.
func open(t *testing.T) (list []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	expect.NoError(t, err)
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name())); err == nil { // not the listing itself
			list = append(list, target)
		}
	}
	return list
}

// mappings counts the mapped files below a folder.
func mappings(t *testing.T, folder string) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	expect.NoError(t, err)
	return strings.Count(string(maps), folder)
}
