package export

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"dtl-tf/graph/onnx"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/pair"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// dataFile is the file with the weights of a model whose file can't hold them. It has the name that ONNX's own tools give it.
func (c ONNXConfig) dataFile() string { return c.Out + ".data" }

// files are the files of a model of two.
func (c ONNXConfig) files() pair.Files { return pair.Files{Weights: c.dataFile(), Sidecar: c.Out} }

// free checks that a file may be written.
func (c ONNXConfig) free(path string) error {
	if !c.Overwrite && exists(path) {
		return fmt.Errorf("%s exists already: add --overwrite or choose another --out", path)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// save writes the model as one file or, if that would be too large, as two. Whenever the process ends, the old model or the new one is
// there, and complete. It returns what was written, for people.
func (c ONNXConfig) save(m *onnx.Model, note runner.NoteFunc) (written string, err error) {
	bytes := m.Size()
	if bytes <= onnx.MaxFile && !c.ExternalData {
		if err := result.WriteFile(c.Out, m.Write); err != nil {
			return "", err
		}
		if exists(c.dataFile()) {
			note("%s holds the weights of an earlier model: the new one does not need it", c.dataFile())
		}
		return fmt.Sprintf("%s, %s", c.Out, report.Bytes(bytes)), nil
	}
	if err := c.free(c.dataFile()); err != nil {
		return "", err
	}
	head, weights := m.Split(filepath.Base(c.dataFile()))
	if exists(c.dataFile()) {
		err = c.files().Replace(head, weights)
	} else if err = result.WriteFile(c.dataFile(), weights); err == nil {
		if err = result.WriteFile(c.Out, func(w io.Writer) error { _, err := w.Write(head); return err }); err != nil {
			os.Remove(c.dataFile())
		}
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s with its weights in %s, %s", c.Out, c.dataFile(), report.Bytes(bytes)), nil
}
