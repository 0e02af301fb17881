// Package pair writes a backbone as two files, its weights and the JSON beside them. The weights never stand beside the JSON of
// another backbone, whenever the process ends.
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

// pair is the path of a backbone's weights and that of the JSON beside them, which holds the normalisation.
type pair struct{ weights, sidecar string }

func pairOf(path string) pair { return pair{path, backbone.Sidecar(path)} }

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
	if err := p.restore(); err != nil {
		return err
	}
	if there, e := os.ReadFile(p.sidecar); e == nil && bytes.Equal(there, text) { // the JSON fits both
		err = result.WriteFile(path, write)
	} else {
		err = p.replace(text, write)
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
func Restore(path string) error { return pairOf(path).restore() }

// replace replaces both files. While the JSON is that of the other backbone, no weights stand beside it: if the process ends
// then, restore brings the old pair back.
func (p pair) replace(text []byte, write func(w io.Writer) error) error {
	fresh := aside(p.weights) + "-by"
	defer os.Remove(fresh) // exists only after an error
	if err := result.WriteFile(fresh, write); err != nil {
		return err
	}
	if err := unlessMissing(os.Rename(p.weights, aside(p.weights))); err != nil {
		return err
	}
	fault.Point("moved the old weights away")
	err := os.Rename(p.sidecar, aside(p.sidecar))
	if errors.Is(err, fs.ErrNotExist) {
		err = os.WriteFile(aside(p.sidecar), nil, 0o666) // empty: no JSON before
	}
	fault.Point("moved the old JSON away")
	if err == nil {
		err = result.WriteFile(p.sidecar, func(w io.Writer) error { _, err := w.Write(text); return err })
	}
	if err == nil {
		err = os.Rename(fresh, p.weights)
	}
	if err != nil {
		return errors.Join(err, p.restore())
	}
	fault.Point("put the new weights in place")
	return p.restore()
}

// restore brings back the old pair if a process ended before the new one was complete, and removes the files put aside.
func (p pair) restore() error {
	weights, sidecar := aside(p.weights), aside(p.sidecar)
	_, incomplete := os.Lstat(p.weights)
	_, nothingAside := os.Lstat(weights)
	if incomplete != nil && nothingAside == nil {
		info, err := os.Lstat(sidecar) // missing if it had not been moved yet
		if err == nil && info.Size() == 0 {
			err = os.Remove(p.sidecar)
		} else if err == nil {
			err = os.Rename(sidecar, p.sidecar)
		}
		if err := unlessMissing(err); err != nil {
			return err
		}
		fault.Point("put the old JSON back")
		if err := os.Rename(weights, p.weights); err != nil {
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
