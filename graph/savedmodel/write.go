package savedmodel

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// Model is what Write writes.
type Model struct {
	Builder    *graph.Builder
	Variables  *graph.Variables  // all on which the outputs depend
	Values     tensor.Map        // of the variables
	Signatures map[string]Call   // by name; one is Signature
	Extra      map[string][]byte // files for assets.extra, by name
	Stored     graph.Precision   // FP16: the values are rounded to float16 in the file; "" or FP32: as they are
}

// Call is the inputs and outputs of one signature. Inputs are placeholders.
type Call struct {
	Inputs, Outputs map[string]graph.Value
}

// Write writes a model as the folder dir, with a separate session. The folder appears complete or not at all. An existing
// folder is an error.
func Write(dir string, m Model) (err error) {
	dir = filepath.Clean(dir)
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("%s exists already: remove it or choose another name", dir)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+".tmp-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary) // does nothing after the rename
	if err := fill(temporary, m); err != nil {
		return err
	}
	if err := os.Chmod(temporary, 0o755); err != nil { // MkdirTemp creates folders for the owner only
		return err
	}
	return os.Rename(temporary, dir)
}

func fill(dir string, m Model) (err error) {
	defer graph.Catch(&err)
	for _, sub := range []string{filepath.Dir(variablesPrefix), ExtraDir} {
		if err := os.Mkdir(filepath.Join(dir, filepath.FromSlash(sub)), 0o777); err != nil {
			return err
		}
	}
	for name, content := range m.Extra {
		if err := os.WriteFile(filepath.Join(dir, ExtraDir, name), content, 0o666); err != nil {
			return err
		}
	}
	if m.Stored == graph.FP16 {
		if err := fitsHalf(m.Values); err != nil {
			return err
		}
	}
	saver := m.Variables.Saver(m.Builder, cmp.Or(m.Stored, graph.FP32))
	raw, err := describe(m, saver)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, ModelFile), raw, 0o666); err != nil {
		return err
	}
	session, err := graph.NewSession(m.Builder.Graph(), graph.SessionOptions{})
	if err != nil {
		return err
	}
	defer session.Close()
	if err := m.Variables.Assign(session, m.Values); err != nil {
		return err
	}
	if err := saver.Save(session, filepath.Join(dir, filepath.FromSlash(variablesPrefix))); err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n") // the rest lists nodes of the graph
		return fmt.Errorf("write the variables: %s", line)
	}
	return nil
}

// fitsHalf returns an error if a value is too large for float16, in which it would become infinite.
func fitsHalf(values tensor.Map) error {
	for _, name := range values.Names() {
		var large float32
		err := values[name].Pieces(func(piece []float32) {
			for _, v := range piece {
				if v > tensor.MaxHalf || v < -tensor.MaxHalf {
					large = v
				}
			}
		})
		if err != nil {
			return fmt.Errorf("tensor %s: %w", name, err)
		}
		if large != 0 {
			return fmt.Errorf("tensor %s holds %g, float16 ends at %d: store float32", name, large, tensor.MaxHalf)
		}
	}
	return nil
}
