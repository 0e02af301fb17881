package pair

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
)

// Save writes a backbone as an .npz file and beside it the JSON with its normalisation and pool, and
// notes path and sha256 in it.
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
	if there, e := os.ReadFile(p.sidecar); e == nil && bytes.Equal(there, text) { // which then fits both
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
