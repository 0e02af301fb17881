package savedmodel

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// tiny is y = x W + c with so many further variables that the index takes several blocks.
func tiny(t *testing.T) Model {
	t.Helper()
	b := graph.New(graph.RecomputeNone)
	m := Model{
		Builder: b, Variables: graph.NewVariables(), Values: tensor.Map{},
		Extra: map[string][]byte{"note.txt": []byte("hello\n")},
	}
	declare := func(name string, shape ...int) graph.Value {
		v := tensor.Zeros(shape...)
		random := rand.New(rand.NewPCG(1, uint64(len(m.Values))))
		for i := range v.Float32() {
			v.Float32()[i] = float32(random.NormFloat64())
		}
		m.Values[name] = v
		return m.Variables.Declare(b, name, false, shape...).Value
	}
	x := b.Placeholder("x", tf.Float, graph.Unknown, 3)
	y := b.Linear(x, declare("layer/W", 3, 2), declare("layer/c", 2))
	for i := range 200 {
		y = b.AddRow(y, declare(fmt.Sprintf("a/rather/long/common/prefix/%d/bias", i), 2))
	}
	declare("empty", 0, 4)
	declare("large", 700, 500) // 1.4 MB: more than one buffer
	rows := b.Placeholder("rows", tf.Float, graph.Unknown, 2)
	m.Signatures = map[string]Call{
		Signature: {map[string]graph.Value{"x": x}, map[string]graph.Value{"y": y}},
		"second":  {map[string]graph.Value{"rows": rows}, map[string]graph.Value{"z": b.AddRow(rows, declare("layer/c2", 2))}},
	}
	return m
}

func write(t *testing.T) (string, Model) {
	t.Helper()
	m := tiny(t)
	dir := filepath.Join(t.TempDir(), "sub", "model")
	if err := Write(dir, m); err != nil {
		t.Fatal(err)
	}
	return dir, m
}

func TestTensorFlowRunsIt(t *testing.T) {
	dir, m := write(t)
	loaded, err := tf.LoadSavedModel(dir, []string{Tag}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Session.Close()
	signature := loaded.Signatures[Signature]
	if signature.MethodName != predictMethod {
		t.Errorf("method %q", signature.MethodName)
	}
	output := func(name string) tf.Output {
		operation, _, _ := strings.Cut(name, ":")
		return loaded.Graph.Operation(operation).Output(0)
	}
	x := [][]float32{{1, -2, 3}, {0.5, 0, -1}}
	in, err := tf.NewTensor(x)
	if err != nil {
		t.Fatal(err)
	}
	got, err := loaded.Session.Run(map[tf.Output]*tf.Tensor{output(signature.Inputs["x"].Name): in},
		[]tf.Output{output(signature.Outputs["y"].Name)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, c := m.Values["layer/W"].Float32(), m.Values["layer/c"].Float32()
	for i, row := range got[0].Value().([][]float32) {
		for j, y := range row {
			want := float64(c[j])
			for k := range 3 {
				want += float64(x[i][k]) * float64(w[2*k+j])
			}
			for n := range 200 {
				want += float64(m.Values[fmt.Sprintf("a/rather/long/common/prefix/%d/bias", n)].Float32()[j])
			}
			if d := float64(y) - want; d > 1e-4 || d < -1e-4 {
				t.Errorf("y[%d][%d] = %v, want %v", i, j, y, want)
			}
		}
	}
	second := loaded.Signatures["second"]
	if second.MethodName != predictMethod || second.Inputs["rows"].DType != tf.Float || second.Outputs["z"].Shape.String() != "[?, 2]" {
		t.Errorf("the second signature is %+v", second)
	}
	for _, op := range loaded.Graph.Operations() {
		if op.Type() == "Placeholder" && strings.Contains(op.Name(), "initial") {
			t.Errorf("node %s is of no use in an exported graph", op.Name())
		}
	}
}

func TestReadsWhatTensorFlowWrote(t *testing.T) {
	dir, m := write(t)
	if err := Check(os.DirFS(dir)); err != nil {
		t.Error(err)
	}
	got, err := ReadVariables(t.Context(), os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if got.SHA256() != m.Values.SHA256() {
		t.Errorf("names, shapes or values changed: %d tensors, want %d", len(got), len(m.Values))
	}
	if note, _ := os.ReadFile(filepath.Join(dir, ExtraDir, "note.txt")); string(note) != "hello\n" {
		t.Errorf("note.txt holds %q", note)
	}
}

// TestHalf: a model stored in float16 takes half the space. TensorFlow and ReadVariables get the same values, which are within half a
// unit in the last place: 2^-11 of a value, or 2^-25 among the subnormal ones.
func TestHalf(t *testing.T) {
	m := tiny(t)
	m.Stored = graph.FP16
	dir := filepath.Join(t.TempDir(), "model")
	expect.NoError(t, Write(dir, m))
	got, err := ReadVariables(t.Context(), os.DirFS(dir))
	expect.NoError(t, err)
	bytes := int64(0)
	for name, want := range m.Values {
		bytes += 2 * int64(len(want.Float32()))
		for i, v := range want.Float32() {
			if d := math.Abs(float64(got[name].Float32()[i] - v)); d > math.Max(math.Abs(float64(v))/2048, math.Ldexp(1, -25)) {
				t.Fatalf("%s[%d] is %v, stored as %v", name, i, v, got[name].Float32()[i])
			}
		}
	}
	info, err := os.Stat(filepath.Join(dir, dataFile))
	expect.NoError(t, err)
	if info.Size() != bytes {
		t.Errorf("%d bytes, want %d", info.Size(), bytes)
	}
	loaded, err := Load(dir, graph.SessionOptions{})
	expect.NoError(t, err)
	defer loaded.Close()
	z, err := loaded.Run("second", "rows", tensor.Zeros(1, 2), "z")
	expect.NoError(t, err)
	if !slices.Equal(z.Float32(), got["layer/c2"].Float32()) {
		t.Errorf("TensorFlow has %v, ReadVariables %v", z.Float32(), got["layer/c2"].Float32())
	}

	m = tiny(t)
	m.Stored = graph.FP16
	m.Values["layer/c"].Float32()[1] = -70000
	err = Write(filepath.Join(t.TempDir(), "model"), m)
	if err == nil || !strings.Contains(err.Error(), "tensor layer/c holds -70000") {
		t.Errorf("a value beyond float16: %v", err)
	}
}

func TestWriteIsRepeatableAndRefusesWhatIsThere(t *testing.T) {
	one, m := write(t)
	two, _ := write(t)
	sums := [2]string{}
	for i, dir := range []string{one, two} {
		var err error
		if sums[i], err = SHA256(t.Context(), os.DirFS(dir), "note.txt"); err != nil {
			t.Fatal(err)
		}
	}
	if sums[0] != sums[1] {
		t.Error("the same model was written as different files")
	}
	if err := Write(one, tiny(t)); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("writing over a model: %v", err)
	}
	delete(m.Values, "large")
	fresh := tiny(t)
	fresh.Values = m.Values
	parent := t.TempDir()
	if err := Write(filepath.Join(parent, "broken"), fresh); err == nil || !strings.Contains(err.Error(), "large") {
		t.Errorf("a value is missing: %v", err)
	}
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		t.Errorf("a failed export left %v", left)
	}
}

// inMemory copies a folder to a file system whose files a test can damage.
func inMemory(t *testing.T, dir string) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(dir, path))
		out[path] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDamage changes bytes and truncates files in many places. The result must be an error or the original values.
func TestDamage(t *testing.T) {
	dir, m := write(t)
	whole := inMemory(t, dir)
	want := m.Values.SHA256()
	random := rand.New(rand.NewPCG(3, 5))
	for _, name := range []string{indexFile, dataFile} {
		intact := whole[name].Data
		try := func(what string, damaged []byte) {
			t.Helper()
			whole[name] = &fstest.MapFile{Data: damaged}
			got, err := ReadVariables(t.Context(), whole)
			if err == nil && got.SHA256() != want {
				t.Fatalf("%s: %s went unnoticed", name, what)
			}
			if err != nil && !strings.HasPrefix(err.Error(), name+": ") {
				t.Fatalf("%s: %s: the error does not name the file: %v", name, what, err)
			}
		}
		positions := []int{0, len(intact) - 1}
		for i := range footerSize {
			positions = append(positions, len(intact)-1-i)
		}
		tries := 400
		if name == dataFile {
			tries = 8 // each reads the whole file
		}
		for range tries {
			positions = append(positions, random.IntN(len(intact)))
		}
		for _, at := range positions {
			damaged := append([]byte(nil), intact...)
			damaged[at] ^= byte(1 + random.IntN(255))
			try(fmt.Sprintf("another byte at %d", at), damaged)
			try(fmt.Sprintf("cut at %d", at), intact[:at])
		}
		try("an empty file", nil)
		whole[name] = &fstest.MapFile{Data: intact}
	}
	for _, name := range []string{indexFile, dataFile} {
		intact := whole[name]
		delete(whole, name)
		if _, err := ReadVariables(t.Context(), whole); err == nil || err.Error() != name+": the file is missing" {
			t.Errorf("without %s: %v", name, err)
		}
		whole[name] = intact
	}
}

func TestCheckRefuses(t *testing.T) {
	dir, _ := write(t)
	whole := inMemory(t, dir)
	for _, c := range []struct {
		name, want string
		file       *fstest.MapFile
	}{
		{"missing", "not a SavedModel: saved_model.pb is missing", nil},
		{"garbage", "can't be parsed", &fstest.MapFile{Data: []byte("this is no protocol buffer")}},
		{"empty", `no graph with the tag "serve"`, &fstest.MapFile{}},
		{"cut", "saved_model.pb", &fstest.MapFile{Data: whole[ModelFile].Data[:1000]}},
	} {
		if c.file == nil {
			delete(whole, ModelFile)
		} else {
			whole[ModelFile] = c.file
		}
		if err := Check(whole); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// FuzzReadTable looks for panics. Block checksums shield the parser from most damage, so blocks are also read directly.
func FuzzReadTable(f *testing.F) {
	f.Add([]byte("\x00\x03\x01key\x01v\x00\x00\x00\x00\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		visit := func(key, value []byte) error {
			if len(value) > len(raw) {
				return errors.New("a value longer than the file")
			}
			return nil
		}
		_ = readTable(raw, visit)
		_ = readBlock(raw, visit)
	})
}
