package finetune

import (
	"maps"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/adapter"
	"dtl-tf/runner/internal/pair"
	"dtl-tf/runner/result"
)

// backboneFile is where full fine-tuning writes the backbone that it trained.
const backboneFile = "backbone.npz"

// writeTrained writes adapter.safetensors and, where all of the backbone trained, backbone.npz.
func (f *fineTuning) writeTrained(trained tensor.Map) (err error) {
	own, weights := divide(trained, f.session.Model)
	described := f.backbone
	if len(weights) > 0 {
		if described, err = f.writeBackbone(own, weights); err != nil {
			return err
		}
	}
	meta := adapter.Meta(f.settings, described, f.data.classNames, f.data.classes, f.config.Precision, f.ui.Version)
	return result.WriteAdapter(f.folder.Path(result.AdapterFile), own, meta)
}

// writeBackbone writes the trained backbone with the new classifier as its own head. It returns the
// backbone as it would be read back.
func (f *fineTuning) writeBackbone(adapter, weights tensor.Map) (*backbone.Backbone, error) {
	trained := &backbone.Backbone{Description: f.backbone.Description, Weights: maps.Clone(weights)}
	trained.SetHead(adapter[dtl.HeadWeight], adapter[dtl.HeadBias])
	trained.Pool = f.settings.Pool
	return trained, pair.Save(trained, f.folder.Path(backboneFile))
}

// divide parts what trained into the adapter's tensors and the backbone's weights, which full
// fine-tuning writes to a file of its own. The few weights that a method like BitFit trains belong to the adapter.
func divide(trained tensor.Map, model *dtl.Model) (adapter, weights tensor.Map) {
	inAdapter := model.AdapterShapes()
	adapter, weights = tensor.Map{}, tensor.Map{}
	for name, t := range trained {
		if _, ok := inAdapter[name]; ok {
			adapter[name] = t
		} else {
			weights[name] = t
		}
	}
	return adapter, weights
}
