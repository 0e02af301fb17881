package runner

import (
	"encoding/json"
	"fmt"
	"io"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
)

// backboneFile is where full fine-tuning writes the backbone that it trained.
const backboneFile = "backbone.npz"

// writeBackbone writes the trained backbone with the new classifier as its own head, and beside it the
// JSON with its normalisation and pool. It returns the backbone as it would be read back.
func (f *fineTuning) writeBackbone(adapter, weights tensor.Map) (*backbone.Backbone, error) {
	trained := &backbone.Backbone{Description: f.backbone.Description, Weights: tensor.Map{}, Format: "npz"}
	for name, t := range weights {
		trained.Weights[name] = t
	}
	trained.SetHead(adapter[dtl.HeadWeight], adapter[dtl.HeadBias])
	trained.Pool = f.settings.Pool
	trained.Path = f.folder.Path(backboneFile)
	err := result.WriteFile(trained.Path, func(w io.Writer) error { return weight.WriteNPZ(w, trained.Weights) })
	if err != nil {
		return nil, err
	}
	err = result.WriteFile(backbone.Sidecar(trained.Path), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(trained.Sidecar())
	})
	if err != nil {
		return nil, err
	}
	written, err := weight.Open(trained.Path)
	if err != nil {
		return nil, fmt.Errorf("reading back what was written: %w", err)
	}
	trained.SHA256 = written.SHA256
	return trained, nil
}
