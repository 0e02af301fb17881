// Package pair writes models of two files: weights, and what describes them. The weights never stand beside the description of others,
// whenever the process ends.
package pair

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/fault"
	"dtl-tf/runner/result"
)

// Files are the paths of the weights and of the file beside them that describes them.
type Files struct{ Weights, Sidecar string }

// pairOf is a backbone's weights and the JSON beside them, which holds the normalisation.
func pairOf(path string) Files { return Files{path, backbone.Sidecar(path)} }

// aside returns the path of a file of the pair while it is being replaced.
func aside(path string) string {
	dir, name := filepath.Split(path)
	return dir + "." + name + ".replaced"
}

// unlessMissing returns err, or nil if it says that a file does not exist.
func unlessMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Save writes a backbone as an .npz file with a JSON beside it, which holds the normalisation and the pool, and updates the
// backbone's path, format and SHA256.
func Save(bb *backbone.Backbone, path string) error {
	text, err := json.MarshalIndent(bb.Sidecar(), "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	write := func(w io.Writer) error { return weight.WriteNPZ(w, bb.Weights) }
	p := pairOf(path)
	if err := p.Restore(); err != nil {
		return err
	}
	if there, e := os.ReadFile(p.Sidecar); e == nil && bytes.Equal(there, text) { // the JSON fits both
		err = result.WriteFile(path, write)
	} else {
		err = p.Replace(text, write)
	}
	if err != nil {
		return err
	}
	written, err := weight.Open(path)
	if err != nil {
		return fmt.Errorf("reading back what was written: %w", err)
	}
	bb.Path, bb.Format, bb.SHA256 = path, written.Format, written.SHA256
	return nil
}

// Restore brings back the old backbone at path if a process was killed while it replaced it, and removes what that process left.
func Restore(path string) error { return pairOf(path).Restore() }

// Replace replaces both files, of which the weights exist: text is the new sidecar, and write writes the new weights. While the sidecar is
// not that of the weights, no weights stand beside it: if the process ends then, Restore brings the old pair back.
func (p Files) Replace(text []byte, write func(w io.Writer) error) error {
	fresh := aside(p.Weights) + "-by"
	defer os.Remove(fresh) // exists only after an error
	if err := result.WriteFile(fresh, write); err != nil {
		return err
	}
	if err := unlessMissing(os.Rename(p.Weights, aside(p.Weights))); err != nil {
		return err
	}
	fault.Point("moved the old weights away")
	err := os.Rename(p.Sidecar, aside(p.Sidecar))
	if errors.Is(err, fs.ErrNotExist) {
		err = os.WriteFile(aside(p.Sidecar), nil, 0o666) // empty: no sidecar before
	}
	fault.Point("moved the old sidecar away")
	if err == nil {
		err = result.WriteFile(p.Sidecar, func(w io.Writer) error { _, err := w.Write(text); return err })
	}
	if err == nil {
		err = os.Rename(fresh, p.Weights)
	}
	if err != nil {
		return errors.Join(err, p.Restore())
	}
	fault.Point("put the new weights in place")
	return p.Restore()
}

// Restore brings back the old pair if a process ended before the new one was complete, and removes the files put aside.
func (p Files) Restore() error {
	weights, sidecar := aside(p.Weights), aside(p.Sidecar)
	_, incomplete := os.Lstat(p.Weights)
	_, nothingAside := os.Lstat(weights)
	if incomplete != nil && nothingAside == nil {
		info, err := os.Lstat(sidecar) // missing if it had not been moved yet
		if err == nil && info.Size() == 0 {
			err = os.Remove(p.Sidecar)
		} else if err == nil {
			err = os.Rename(sidecar, p.Sidecar)
		}
		if err := unlessMissing(err); err != nil {
			return err
		}
		fault.Point("put the old sidecar back")
		if err := os.Rename(weights, p.Weights); err != nil {
			return err
		}
	}
	for _, path := range []string{weights, sidecar, weights + "-by"} {
		if err := unlessMissing(os.Remove(path)); err != nil {
			return err
		}
	}
	return nil
}
