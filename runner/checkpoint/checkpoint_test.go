package checkpoint

import (
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// stateAt is a state and tensors that tell the step.
func stateAt(step int) (State, tensor.Map) {
	s := State{
		Position: train.Position{Epochs: step / 3, Steps: step, StepInEpoch: step % 3, LossSum: 0.1 + 0.2, Images: 8, Elapsed: 123456789},
		Config:   []byte(`{"lr":0.01}`), Inputs: Inputs{Backbone: "b", Data: "d"},
		Metrics: []result.Metric{{Epoch: 1, Step: 3, Rate: 1e-3, Loss: 1.0 / 3}}, Bad: []int{4, 7},
	}
	return s, tensor.Map{"w": tensor.Must([]float32{float32(step), -0.5, math.SmallestNonzeroFloat32}, 3), "adam_m/w": tensor.Zeros(3)}
}

func mustWrite(t *testing.T, s *Store, step int) {
	t.Helper()
	state, tensors := stateAt(step)
	if err := s.Write(state, tensors); err != nil {
		t.Fatal(err)
	}
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("files %v, want %v", got, want)
	}
}

const first, second, third = "checkpoint-000000003.safetensors", "checkpoint-000000005.safetensors", "checkpoint-000000006.safetensors"

func TestStore(t *testing.T) {
	dir := t.TempDir()
	s := NewStore(dir)
	if _, err := s.Newest(); !errors.Is(err, ErrNone) {
		t.Errorf("an empty folder: %v", err)
	}
	if there, err := s.Any(); there || err != nil {
		t.Errorf("an empty folder: %v, %v", there, err)
	}
	for _, step := range []int{3, 5, 6} {
		mustWrite(t, s, step)
	}
	wantFiles(t, dir, second, third)
	c, err := NewStore(dir).Newest()
	if err != nil {
		t.Fatal(err)
	}
	state, tensors := stateAt(6)
	state.Format = format
	if !reflect.DeepEqual(c.State, state) || !reflect.DeepEqual(c.Tensors, tensors) || c.Damaged != nil || filepath.Base(c.Path) != third {
		t.Errorf("read %+v", c)
	}
	mustWrite(t, s, 6) // once more the same
	wantFiles(t, dir, second, third)
}

// TestStoreKilled: a killed process may have left three, and unfinished files.
func TestStoreKilled(t *testing.T) {
	dir := t.TempDir()
	for _, step := range []int{3, 5, 6} {
		mustWrite(t, NewStore(dir), step) // each knows only its own, and removes the others
		wantFiles(t, dir, map[int]string{3: first, 5: second, 6: third}[step])
	}
	s := NewStore(dir)
	for _, name := range []string{first, second, "checkpoint-x.safetensors", "checkpoint.txt", ".checkpoint-000000009.safetensors.tmp-1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := s.Newest(); err != nil || c.Position.Steps != 6 || c.Damaged != nil {
		t.Errorf("%+v, %v", c, err)
	}
	if err := s.Tidy(); err != nil {
		t.Error(err)
	}
	wantFiles(t, dir, ".checkpoint-000000009.safetensors.tmp-1", second, third, "checkpoint-x.safetensors", "checkpoint.txt")
	mustWrite(t, s, 8)
	wantFiles(t, dir, ".checkpoint-000000009.safetensors.tmp-1", third, "checkpoint-000000008.safetensors", "checkpoint-x.safetensors", "checkpoint.txt")
}

// TestStoreDamaged: the one before serves, and stays when the next is written; the damaged one goes then and not earlier.
func TestStoreDamaged(t *testing.T) {
	dir := t.TempDir()
	s := NewStore(dir)
	mustWrite(t, s, 3)
	mustWrite(t, s, 6)
	if err := os.Truncate(filepath.Join(dir, third), 40); err != nil {
		t.Fatal(err)
	}
	s = NewStore(dir)
	c, err := s.Newest()
	if err != nil || c.Position.Steps != 3 || len(c.Damaged) != 1 || !strings.Contains(c.Damaged[0].Error(), third) {
		t.Fatalf("%+v, %v", c, err)
	}
	wantFiles(t, dir, first, third)
	mustWrite(t, s, 5)
	wantFiles(t, dir, first, second)

	for _, name := range []string{first, second} {
		if err := os.Truncate(filepath.Join(dir, name), 40); err != nil {
			t.Fatal(err)
		}
	}
	_, err = NewStore(dir).Newest()
	expect.Error(t, err, "none of its checkpoints can be read", "--overwrite", first, second)
	wantFiles(t, dir, first, second)
}

// TestStoreNewer: a checkpoint of a newer program, or one that the disk does not give, is no damaged one. The one before it does
// not serve, or else the newer one would be removed.
func TestStoreNewer(t *testing.T) {
	dir := t.TempDir()
	mustWrite(t, NewStore(dir), 3)
	newer := func(t *testing.T, path string) {
		text := `{"format":2,"position":{"epochs":2}}`
		_, tensors := stateAt(5)
		sum, err := checksum([]byte(text), tensors)
		if err != nil {
			t.Fatal(err)
		}
		err = result.WriteFile(path, func(w io.Writer) error {
			return weight.WriteSafetensors(w, tensors, map[string]string{keyState: text, keySum: sum})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	loop := func(t *testing.T, path string) {
		if err := os.Symlink(path, path); err != nil {
			t.Fatal(err)
		}
	}
	for name, write := range map[string]func(*testing.T, string){"format 2": newer, "symbolic links": loop} {
		path := filepath.Join(dir, second)
		write(t, path)
		_, err := NewStore(dir).Newest()
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "nothing was removed") {
			t.Errorf("%s: %v", name, err)
		}
		wantFiles(t, dir, first, second)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStoreFull: what is there stays when a new one can't be written.
func TestStoreFull(t *testing.T) {
	dir := t.TempDir()
	s := NewStore(dir)
	mustWrite(t, s, 3)
	mustWrite(t, s, 5)
	state, _ := stateAt(6)
	if err := s.Write(state, tensor.Map{"w": {Shape: []int{1}, Data: []complex64{1}}}); err == nil {
		t.Error("a tensor that can't be written is accepted")
	}
	if err := os.Mkdir(filepath.Join(dir, third), 0o777); err != nil { // in the way of the rename
		t.Fatal(err)
	}
	_, tensors := stateAt(6)
	if err := s.Write(state, tensors); err == nil || !strings.Contains(err.Error(), third) {
		t.Errorf("error %v", err)
	}
	wantFiles(t, dir, first, second, third)
	if c, err := NewStore(dir).Newest(); err != nil || c.Position.Steps != 5 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestEveryByte flips a bit of each byte of a checkpoint in turn. Either it is noticed or it changes nothing, as in the padding.
func TestEveryByte(t *testing.T) {
	dir := t.TempDir()
	mustWrite(t, NewStore(dir), 6)
	path := filepath.Join(dir, third)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	state, tensors, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	unnoticed := 0
	for at := range content {
		bit := byte(1) << (at % 8)
		content[at] ^= bit
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		content[at] ^= bit
		s, m, err := read(path)
		if err != nil {
			if !strings.Contains(err.Error(), path) {
				t.Fatalf("byte %d: the error does not name the file: %v", at, err)
			}
			continue
		}
		unnoticed++
		if !reflect.DeepEqual(s, state) || !reflect.DeepEqual(m, tensors) {
			t.Fatalf("byte %d: it was read as %+v, %v", at, s, m)
		}
	}
	t.Logf("%d of %d bytes are of no account", unnoticed, len(content))
}

func TestReadRefuses(t *testing.T) {
	_, tensors := stateAt(6)
	sealed := func(text string) map[string]string {
		sum, err := checksum([]byte(text), tensors)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{keyState: text, keySum: sum}
	}
	path := filepath.Join(t.TempDir(), "c.safetensors")
	for want, metadata := range map[string]map[string]string{
		"not a checkpoint":   {"format": "pt"},
		"checksum":           {keyState: `{"format":1}`},
		"format 2":           sealed(`{"format":2}`),
		"unreadable":         sealed(`[`),
		"unknown field":      sealed(`{"format":1,"momentum":3}`),
		"impossible":         sealed(`{"format":1,"position":{"epochs":-1}}`),
		"cannot unmarshal":   sealed(`{"format":1,"position":7}`),
		"format 0, this pro": sealed(`{}`),
	} {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := weight.WriteSafetensors(f, tensors, metadata); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if _, _, err := read(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v: error %v, want one with %q", metadata, err, want)
		}
	}
}
