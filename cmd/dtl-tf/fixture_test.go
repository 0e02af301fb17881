package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/pflag"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// tiny is an architecture on which a whole run takes a fraction of a second. Its two blocks are enough for DTL, whose feedback
// starts at the second.
const tiny = "vit:image=8,patch=4,width=16,depth=2,heads=2,mlp=32"

// fixture is shared by all tests, which must not change it.
var fixture struct {
	backbone string // tiny with random weights, .npz
	weights  tensor.Map
	data     string // three classes, lists: 24 training and 12 test images

	once sync.Once // for dtlRun
	out  string
	run  outcome
}

// childVariable makes the test program behave as dtl-tf itself, for tests that need a separate process.
const childVariable = "DTL_TF_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child(os.Args[1:]))
	}
	dir, err := os.MkdirTemp("", "dtl-tf-test-")
	if err == nil {
		err = os.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "caches")) // instead of the user's
	}
	if err == nil {
		err = makeFixture(dir)
	}
	if err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func makeFixture(dir string) error {
	arch, err := backbone.Parse(tiny)
	if err != nil {
		return err
	}
	bb, err := backbone.Random(arch, 1)
	if err != nil {
		return err
	}
	fixture.weights = bb.Weights
	fixture.backbone = filepath.Join(dir, "tiny.npz")
	if err := writeNPZ(fixture.backbone, bb.Weights); err != nil {
		return err
	}
	fixture.data = filepath.Join(dir, "colours")
	return writeLists(fixture.data, map[string]int{"train800val200": 24, "test": 12})
}

func writeNPZ(path string, m tensor.Map) error {
	var b bytes.Buffer
	if err := weight.WriteNPZ(&b, m); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}

func writeSafetensors(path string, m tensor.Map, metadata map[string]string) error {
	var b bytes.Buffer
	if err := weight.WriteSafetensors(&b, m, metadata); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}

// writeLists makes a data set in VTAB-1k's layout. Each list gets the given number of images, of three classes in turn.
func writeLists(root string, lists map[string]int) error {
	if err := os.MkdirAll(filepath.Join(root, "images"), 0o777); err != nil {
		return err
	}
	for list, n := range lists {
		var text strings.Builder
		for i := range n {
			name := fmt.Sprintf("images/%s_%02d.png", list, i)
			if err := writeImage(filepath.Join(root, name), i%3, uint64(i)); err != nil {
				return err
			}
			fmt.Fprintf(&text, "%s %d\n", name, i%3)
		}
		if err := os.WriteFile(filepath.Join(root, list+".txt"), []byte(text.String()), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// writeImage writes a noisy PNG of 10 x 9 pixels in which the class's channel is the brightest.
func writeImage(path string, class int, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, uint64(len(path)%7)))
	img := image.NewRGBA(image.Rect(0, 0, 10, 9))
	for y := range 9 {
		for x := range 10 {
			rgb := [3]uint8{uint8(random.IntN(60)), uint8(random.IntN(60)), uint8(random.IntN(60))}
			rgb[class] += 150
			img.Set(x, y, color.RGBA{rgb[0], rgb[1], rgb[2], 255})
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return png.Encode(f, img)
}

// spices are class folders and the colours of their images; see writeImage.
var spices = map[string]int{"amber": 0, "basil": 1, "cobalt": 2}

// folders writes n images of each class, root/split/CLASS/*.png.
func folders(t *testing.T, root, split string, n int, classes map[string]int) string {
	t.Helper()
	for class, colour := range classes {
		dir := filepath.Join(root, split, class)
		expect.NoError(t, os.MkdirAll(dir, 0o777))
		for i := range n {
			expect.NoError(t, writeImage(filepath.Join(dir, fmt.Sprintf("%s%d.png", split, i)), colour, uint64(len(class)*100+i)))
		}
	}
	return root
}

// newData makes a data set that the test may damage.
func newData(t *testing.T, lists map[string]int) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "colours")
	expect.NoError(t, writeLists(root, lists))
	return root
}

// outcome is the result of a command line.
type outcome struct {
	code     int
	out, err string
}

// cli runs a command line in this process.
func cli(t *testing.T, args ...string) outcome {
	t.Helper()
	return cliUntil(t, "", args...)
}

// cliUntil runs a command line and cancels it, as Ctrl-C would, as soon as the text appears on stderr. This happens inside the
// write, so the outcome is the same each time.
func cliUntil(t *testing.T, text string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var stdout bytes.Buffer
	stderr := &watched{text: text, found: cancel}
	code := run(ctx, latest(args), &stdout, stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

// latest is a command line without the flags that a later one of the same name overrides, so that tests can change the command lines of
// tune and others. The program refuses a flag that is given twice.
func latest(args []string) []string {
	if len(args) == 0 {
		return args
	}
	c, rest, err := find(args)
	if err != nil {
		return args
	}
	g := newGroups(c.name)
	c.flags(g)
	last, words := map[string]int{}, []int{} // where each flag is for the last time, and the number of words of each part
	names := []string{}
	for i := 0; i < len(rest); i += words[len(words)-1] {
		name, _, joined := strings.Cut(strings.TrimPrefix(rest[i], "--"), "=")
		f := g.all.Lookup(name)
		n := 1
		if !strings.HasPrefix(rest[i], "--") || f == nil {
			name = ""
		} else {
			if !joined && f.NoOptDefVal == "" && i+1 < len(rest) {
				n = 2
			}
			if _, several := f.Value.(pflag.SliceValue); several {
				name = ""
			}
		}
		last[name] = len(words)
		names, words = append(names, name), append(words, n)
	}
	kept := slices.Clone(args[:len(args)-len(rest)])
	for i, at := 0, 0; i < len(words); i++ {
		if names[i] == "" || last[names[i]] == i {
			kept = append(kept, rest[at:at+words[i]]...)
		}
		at += words[i]
	}
	return kept
}

// watched is a buffer that calls found once it contains text. The loader prints from its own goroutine.
type watched struct {
	mu    sync.Mutex
	b     bytes.Buffer
	text  string
	found func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.b.Write(p)
	if w.text != "" && strings.Contains(w.b.String(), w.text) {
		w.found()
	}
	return n, err
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// want checks the exit code and that stderr contains the texts. The line of an error must start with the program's name.
func (o outcome) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", o.code, code, o.out, o.err)
	}
	for _, text := range texts {
		if !strings.Contains(o.err, text) {
			t.Errorf("stderr lacks %q:\n%s", text, o.err)
		}
	}
	last := o.err[strings.LastIndex("\n"+strings.TrimSuffix(o.err, "\n"), "\n"):]
	if code != exitDone && !strings.HasPrefix(last, "dtl-tf: ") {
		t.Errorf("the last line of stderr is no error of dtl-tf: %q", last)
	}
	if strings.Contains(o.err, "goroutine ") {
		t.Errorf("a panic:\n%s", o.err)
	}
}

// tune is the command line of a small fine-tune into out. Later flags override earlier ones.
func tune(out string, more ...string) []string {
	return append([]string{"fine-tune", "--backbone", fixture.backbone, "--data", fixture.data, "--out", out,
		"--epochs", "3", "--batch", "8", "--lr", "0.02"}, more...)
}

// trained runs a fine-tune that must succeed and returns its folder.
func trained(t *testing.T, more ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "run")
	cli(t, tune(out, more...)...).want(t, exitDone)
	if t.Failed() {
		t.FailNow()
	}
	return out
}

// dtlRun is the folder of a run shared by many tests: dtl with the flags of tune, trained once.
func dtlRun(t *testing.T) string {
	t.Helper()
	fixture.once.Do(func() {
		fixture.out = filepath.Join(filepath.Dir(fixture.backbone), "dtl")
		fixture.run = cli(t, tune(fixture.out)...)
	})
	if fixture.run.code != exitDone {
		t.Fatalf("the run that this test reads failed: %s", fixture.run.err)
	}
	return fixture.out
}

func evalArgs(adapter string, more ...string) []string {
	return evalOn(fixture.data, adapter, more...)
}

// evalOn is evalArgs for another data set.
func evalOn(data, adapter string, more ...string) []string {
	return append([]string{"eval", "--backbone", fixture.backbone, "--adapter", adapter, "--data", data}, more...)
}

func predictArgs(adapter string, more ...string) []string {
	return append([]string{"predict", "--backbone", fixture.backbone, "--adapter", adapter, filepath.Join(fixture.data, "images")}, more...)
}

// decode parses JSON.
func decode(t *testing.T, raw []byte, into any) {
	t.Helper()
	expect.NoError(t, json.Unmarshal(raw, into))
}

// read returns the content of a file.
func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(parts...))
	expect.NoError(t, err)
	return raw
}

// write writes a file and returns its path.
func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	expect.NoError(t, os.WriteFile(path, content, 0o666))
	return path
}
