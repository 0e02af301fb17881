package feature

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
)

var (
	errReadOnly = syscall.EROFS
	errFull     = syscall.ENOSPC
)

// childVariable makes the test program be another run, which writes the cache in the folder that the variable names.
const childVariable = "DTL_TF_TEST_WRITER"

// TestMain is the test program, or that other run: it begins to write, says so, and goes on when its standard input ends.
func TestMain(m *testing.M) {
	dir := os.Getenv(childVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	o, _ := options(dir)
	s, err := Open(context.Background(), o, NewImages(sums()))
	if err != nil {
		panic(err)
	}
	w, err := s.Writer(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println("writing")
	bufio.NewReader(os.Stdin).ReadString('\n')
	for row := range images {
		if err := w.Write([]int{row}, compute(o, row)); err != nil {
			panic(err)
		}
	}
	if err := w.Commit(); err != nil {
		panic(err)
	}
	os.Exit(0) // the locks end with the process
}

// otherRun starts one that is writing the cache; finish lets it go on to its end.
func otherRun(t *testing.T, dir string) (c *exec.Cmd, finish func()) {
	t.Helper()
	c = exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childVariable+"="+dir)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	expect.NoError(t, err)
	out, err := c.StdoutPipe()
	expect.NoError(t, err)
	expect.NoError(t, c.Start())
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "writing\n" {
		t.Fatalf("the other run says %q", line)
	}
	return c, func() {
		in.Close()
		expect.NoError(t, c.Wait())
	}
}

// TestTwoProcesses: of two runs that need the same cache at once the second waits for the first, and uses what that wrote; it goes
// without when it takes too long.
func TestTwoProcesses(t *testing.T) {
	o, n := options(t.TempDir())
	other, finish := otherRun(t, o.Dir)
	s := open(t, o)
	if len(s.Missing()) != 2 {
		t.Fatal("a cache that is being written is used")
	}
	_, err := s.Writer(context.Background())
	if !Busy(err) {
		t.Fatalf("%v", err)
	}
	host, err2 := os.Hostname()
	if err2 != nil {
		t.Fatal(err2)
	}
	process := fmt.Sprintf("another run (process %d on %s)", other.Process.Pid, host)
	expect.Error(t, err, process, "is still writing", "after 100ms")
	n.want(t, process+" is writing "+s.Folder(), "waiting for it, at most 100ms")

	s.options.Wait = time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err = s.Writer(ctx); !errors.Is(err, context.DeadlineExceeded) || Busy(err) {
		t.Errorf("waiting can't be stopped: %v", err)
	}
	go func() {
		time.Sleep(100 * time.Millisecond)
		finish()
	}()
	w, err := s.Writer(context.Background())
	expect.NoError(t, err)
	if w != nil {
		t.Fatal("it was written twice")
	}
	complete(t, s)
}

// TestKilled: a run that was killed while it wrote blocks nobody.
func TestKilled(t *testing.T) {
	o, _ := options(t.TempDir())
	other, _ := otherRun(t, o.Dir)
	expect.NoError(t, other.Process.Kill())
	_ = other.Wait()
	s := open(t, o)
	if got := files(t, s.Folder()); len(got) != 4 {
		t.Fatalf("the killed run left %v", got)
	}
	// Another one was killed while it wrote the index.
	expect.NoError(t, os.WriteFile(filepath.Join(s.Folder(), ".index.json.tmp-123"), []byte("{"), 0o666))
	fill(t, s)
	if got := strings.Join(files(t, s.Folder()), " "); strings.Contains(got, "tmp-") {
		t.Errorf("after the next run there are %s", got)
	}
	complete(t, s)
}

// TestWrittenMeanwhile: values that another run has added since the cache was opened are neither lost nor written again.
func TestWrittenMeanwhile(t *testing.T) {
	o, _ := options(t.TempDir())
	first, second := open(t, o), open(t, o)
	more := o
	more.Values = append([]Value{{"x_05", []int{2}}}, o.Values...)
	third := open(t, more)
	fill(t, first)
	w, err := second.Writer(context.Background())
	expect.NoError(t, err)
	if w != nil {
		t.Fatal("it was written twice")
	}
	complete(t, second)
	fill(t, third)
	complete(t, third)
	complete(t, open(t, o))
}

// TestClear: caches that are in use and folders that are not caches stay.
func TestClear(t *testing.T) {
	o, _, folder := filled(t)
	bf16 := o
	bf16.Key.Stored = graph.BF16
	s := open(t, bf16)
	fill(t, s)
	if list, err := List(filepath.Join(o.Dir, "none")); err != nil || list != nil {
		t.Errorf("a folder that is not there: %v, %v", list, err)
	}
	alien := filepath.Join(o.Dir, "0123456789abcdef")
	for _, dir := range []string{alien, filepath.Join(o.Dir, "photos"), filepath.Join(o.Dir, "00000000000000ff"), filepath.Join(o.Dir, "00000000000000fe")} {
		expect.NoError(t, os.Mkdir(dir, 0o777))
	}
	for _, path := range []string{filepath.Join(alien, "use.lock"), filepath.Join(alien, "thesis.tex"), filepath.Join(o.Dir, "photos", "x_00.fp32")} {
		expect.NoError(t, os.WriteFile(path, nil, 0o666))
	}
	expect.NoError(t, os.WriteFile(filepath.Join(o.Dir, "00000000000000ff", "index.json"), []byte(`{"kind": "of a search engine"}`), 0o666))
	list, err := List(o.Dir)
	expect.NoError(t, err)
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	for _, e := range list {
		want := int64(10 * 1515 * 4)
		if e.Key.Stored == graph.BF16 {
			want /= 2
		}
		if e.Images != images || e.About.Data != "dd" || e.Bytes < want || e.Bytes > want+3000 || len(e.Values) != 2 || e.Problem != "" || time.Since(e.Used) > time.Minute {
			t.Errorf("%+v", e)
		}
	}
	removed, freed, err := Clear(o.Dir)
	expect.Error(t, err, filepath.Base(s.Folder()), "in use by another run")
	if len(removed) != 1 || removed[0] != filepath.Base(folder) || freed < 10*1515*4 {
		t.Errorf("removed %v, %d bytes", removed, freed)
	}
	complete(t, s)
	for _, name := range []string{filepath.Base(alien), "photos", "00000000000000ff", "00000000000000fe", "../x", "ffffffffffffffff"} {
		removed, _, err := Clear(o.Dir, name)
		if err == nil || removed != nil {
			t.Errorf("%s was removed", name)
		}
	}
	expect.NoError(t, s.Close())
	removed, _, err = Clear(o.Dir, filepath.Base(s.Folder()))
	expect.NoError(t, err)
	if got := strings.Join(files(t, o.Dir), " "); len(removed) != 1 || got != "00000000000000fe 00000000000000ff 0123456789abcdef photos" {
		t.Errorf("removed %v, left %s", removed, got)
	}
}
