// Package pair writes a backbone as two files, its weights and the JSON beside them, so that the one never stands beside the other of an
// earlier backbone.
package pair

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"dtl-tf/graph/backbone"
	"dtl-tf/runner/fault"
	"dtl-tf/runner/result"
)

// pair is a backbone's file and the JSON beside it. The JSON holds the normalisation, so weights must never stand beside that of others.
type pair struct{ weights, sidecar string }

func pairOf(path string) pair { return pair{path, backbone.Sidecar(path)} }

// aside is where a file of the pair lies while it is replaced.
func aside(path string) string {
	dir, name := filepath.Split(path)
	return dir + "." + name + ".replaced"
}

// Restore brings back what a process that was ended while it wrote the backbone at path has put aside, and removes what it left.
func Restore(path string) error { return pairOf(path).restore() }

// replace puts new files in the place of the old. The weights are away from their name while the JSON is not theirs. If the process ends
// then, restore brings the old pair back.
func (p pair) replace(text []byte, write func(w io.Writer) error) error {
	fresh := aside(p.weights) + "-by"
	defer os.Remove(fresh) // which is there only after an error
	if err := result.WriteFile(fresh, write); err != nil {
		return err
	}
	if err := os.Rename(p.weights, aside(p.weights)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fault.Point("moved the old weights away")
	err := os.Rename(p.sidecar, aside(p.sidecar))
	if errors.Is(err, fs.ErrNotExist) {
		err = os.WriteFile(aside(p.sidecar), nil, 0o666) // empty: there was none
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

// restore brings back the old pair of a process that ended before its new one was complete, and removes what is left of one that is.
func (p pair) restore() error {
	weights, sidecar := aside(p.weights), aside(p.sidecar)
	_, complete := os.Lstat(p.weights)
	_, none := os.Lstat(weights)
	if complete != nil && none == nil {
		info, err := os.Lstat(sidecar)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it had not been moved yet
			err = nil
		case err == nil && info.Size() == 0:
			if err = os.Remove(p.sidecar); errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		case err == nil:
			err = os.Rename(sidecar, p.sidecar)
		}
		if err != nil {
			return err
		}
		fault.Point("put the old JSON back")
		if err := os.Rename(weights, p.weights); err != nil {
			return err
		}
	}
	for _, path := range []string{weights, sidecar, weights + "-by"} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
