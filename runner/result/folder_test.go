package result

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
)

func mustOpen(t *testing.T, path string, p Policy) *Folder {
	t.Helper()
	f, err := OpenFolder(path, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func TestFolderNew(t *testing.T) {
	out := filepath.Join(t.TempDir(), "deep", "run")
	f := mustOpen(t, out+"/", Refuse)
	if f.Path(RunFile) != filepath.Join(out, "run.json") || f.Path("") != out {
		t.Errorf("paths %s, %s", f.Path(RunFile), f.Path(""))
	}
	writeString(t, f.Path(RunFile), "{}")
	f.Close()
	f.Close() // twice does no harm
	onlyFile(t, out, RunFile)

	// A run that created its folder and then failed on its input leaves nothing in the way of the next try.
	empty := filepath.Join(t.TempDir(), "run")
	mustOpen(t, empty, Refuse).Close()
	if _, err := os.Stat(empty); !os.IsNotExist(err) {
		t.Errorf("the empty folder stayed: %v", err)
	}
	// A folder that the user made stays.
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, empty, Overwrite).Close()
	onlyFile(t, empty)
}

// TestFolderTogether: of runs that open a new folder simultaneously, one gets it, and the others learn that a run is there.
func TestFolderTogether(t *testing.T) {
	const runs = 4
	dir := t.TempDir()
	for i := range 2000 {
		out := filepath.Join(dir, strconv.Itoa(i))
		var start, end sync.WaitGroup
		start.Add(1)
		end.Add(runs)
		folders, errs := make([]*Folder, runs), make([]error, runs)
		for k := range runs {
			go func() {
				defer end.Done()
				start.Wait()
				folders[k], errs[k] = OpenFolder(out, Refuse)
			}()
		}
		start.Done()
		end.Wait()
		opened := 0
		for k, f := range folders {
			var locked *LockedError
			switch {
			case errs[k] == nil:
				opened++
				f.Close()
			case !errors.As(errs[k], &locked) && errs[k].Error() != existsAlready(out).Error():
				t.Fatalf("refused with: %v", errs[k])
			}
		}
		if opened != 1 {
			t.Fatalf("%d of %d runs got the folder", opened, runs)
		}
	}
}

func TestFolderRefused(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "run")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	writeString(t, file, "mine")
	link := filepath.Join(dir, "link")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path   string
		policy Policy
		words  []string
	}{
		{out, Refuse, []string{out, "exists", "--overwrite", "--resume", "--out"}},
		{file, Refuse, []string{file, "is a file"}},
		{file, Overwrite, []string{file, "is a file"}},
		{filepath.Join(file, "run"), Refuse, []string{"file, not a folder"}},
		{link, Refuse, []string{link, "link"}},
		{out, Resume, []string{out, "no run to resume"}},
		{filepath.Join(dir, "none"), Resume, []string{"no run to resume", "does not exist"}},
		{"", Refuse, []string{"empty name"}},
	} {
		_, err := OpenFolder(c.path, c.policy)
		expect.Error(t, err, c.words...)
	}
	wantContent(t, file, "mine")
	onlyFile(t, dir, "file", "link", "run")
	onlyFile(t, out)
}

// TestFolderAbandoned: a folder with only the lock and temporary files of a killed process counts as new under every policy.
func TestFolderAbandoned(t *testing.T) {
	for _, p := range []Policy{Refuse, Overwrite, Resume} {
		out := filepath.Join(t.TempDir(), "run")
		if err := os.Mkdir(out, 0o755); err != nil {
			t.Fatal(err)
		}
		writeString(t, filepath.Join(out, lockFile), "123\n")
		writeString(t, filepath.Join(out, ".run.json.tmp-5"), "{")
		f := mustOpen(t, out, p)
		if err := f.Clear(); err != nil {
			t.Fatal(err)
		}
		onlyFile(t, out, lockFile)
		f.Close()
		if _, err := os.Stat(out); !os.IsNotExist(err) {
			t.Errorf("policy %d: the empty folder stayed: %v", p, err)
		}
	}
	out := t.TempDir()
	writeString(t, filepath.Join(out, lockFile), "123\n")
	writeString(t, filepath.Join(out, "notes.txt"), "mine")
	_, err := OpenFolder(out, Refuse)
	expect.Error(t, err, out, "exists already")
	mustOpen(t, out, Resume).Close()
	onlyFile(t, out, "notes.txt")
}

// TestFolderNotWritable: a folder that is not writable, and one inside it, are errors.
func TestFolderNotWritable(t *testing.T) {
	if !need.Permissions(t) {
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	_, err := OpenFolder(filepath.Join(dir, "run"), Refuse)
	expect.Error(t, err, dir, "not writable")
	_, err = OpenFolder(dir, Overwrite)
	expect.Error(t, err, dir, "not writable")
}

// TestFolderInProc: a folder in /proc is an error.
func TestFolderInProc(t *testing.T) {
	_, err := os.Stat("/proc/self")
	need.NoError(t, err)
	_, err = OpenFolder("/proc/run", Refuse)
	expect.Error(t, err, "/proc/run")
}

func TestFolderClear(t *testing.T) {
	mine := []string{"notes.txt", "run.json.bak", "my.adapter.safetensors", "Backbone", ".notes.txt.tmp-1", ".run.json.tmp-x1"}
	theirs := []string{RunFile, AdapterFile, MetricsFile, "backbone.npz", "backbone.json", "checkpoint.safetensors"}
	temps := []string{".run.json.tmp-123", ".adapter.safetensors.tmp-4"}
	fill := func() string {
		out := t.TempDir()
		for _, names := range [][]string{mine, theirs, temps} {
			for _, n := range names {
				writeString(t, filepath.Join(out, n), n)
			}
		}
		if err := os.MkdirAll(filepath.Join(out, "backbone.d", "x"), 0o755); err != nil {
			t.Fatal(err)
		}
		return out
	}
	exists := func(dir string, want bool, names ...string) {
		t.Helper()
		for _, n := range names {
			if _, err := os.Stat(filepath.Join(dir, n)); (err == nil) != want {
				t.Errorf("%s: exists %v, want %v", n, err == nil, want)
			}
		}
	}

	out := fill()
	f := mustOpen(t, out, Overwrite)
	exists(out, true, theirs...) // opening alone removes nothing
	if err := f.Clear(filepath.Join(out, "notes.txt"), "does/not/exist"); err != nil {
		t.Fatal(err)
	}
	exists(out, true, append(mine, "backbone.d/x")...)
	exists(out, false, append(theirs, temps...)...)

	out = fill()
	if err := mustOpen(t, out, Resume).Clear(); err != nil {
		t.Fatal(err)
	}
	exists(out, true, append(mine, theirs...)...)
	exists(out, false, temps...)

	// A file that the run reads, by any name.
	out = fill()
	other := filepath.Join(t.TempDir(), "link.npz")
	if err := os.Symlink(filepath.Join(out, "backbone.npz"), other); err != nil {
		t.Fatal(err)
	}
	expect.Error(t, mustOpen(t, out, Overwrite).Clear(other), "backbone.npz", "--out")
	exists(out, true, theirs...)
}

func TestFolderLocked(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	f := mustOpen(t, out, Refuse)
	writeString(t, f.Path(RunFile), "{}")
	for _, p := range []Policy{Overwrite, Resume} {
		_, err := OpenFolder(out, p)
		var held *LockedError
		if !errors.As(err, &held) || !strings.HasPrefix(held.Holder, strconv.Itoa(os.Getpid())+" on ") {
			t.Errorf("policy %d: error %v", p, err)
		}
	}
	f.Close()
	mustOpen(t, out, Overwrite)
}

// TestFolderLockDies: the lock of a killed process is free at once.
func TestFolderLockDies(t *testing.T) {
	if out := os.Getenv("DTL_TF_TEST_LOCK"); out != "" { // we are the other process
		f, err := OpenFolder(out, Refuse)
		if err != nil {
			t.Fatal(err)
		}
		writeString(t, f.Path(RunFile), "{}")
		os.Stdout.WriteString("locked\n")
		_, _ = os.Stdin.Read(make([]byte, 1)) // until killed
		return
	}
	out := filepath.Join(t.TempDir(), "run")
	cmd := exec.Command(os.Args[0], "-test.run=^TestFolderLockDies$")
	cmd.Env = append(os.Environ(), "DTL_TF_TEST_LOCK="+out)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if line != "locked\n" {
		t.Fatalf("the other process says %q (%v)", line, err)
	}
	_, err = OpenFolder(out, Overwrite)
	expect.Error(t, err, out, "another run", strconv.Itoa(cmd.Process.Pid))
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	mustOpen(t, out, Overwrite)
}
