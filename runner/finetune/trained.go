package finetune

import (
	"maps"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/internal/pair"
	"dtl-tf/runner/result"
)

// writeTrained writes adapter.safetensors and, if the whole backbone trained, backbone.npz.
func (r *run) writeTrained(trained tensor.Map) (err error) {
	own, weights := divide(trained, r.trainer.Model)
	described := r.backbone
	if len(weights) > 0 {
		if described, err = r.writeBackbone(own, weights); err != nil {
			return err
		}
	}
	meta := adapter.Meta(r.method, described, r.data.classNames, r.data.classes, string(r.config.Precision), r.ui.Version)
	if n := r.config.TestResize; n > 0 {
		meta.SetInt(result.KeyTestResize, n)
	}
	meta[result.KeyExif] = r.config.Exif
	if r.config.Loss == LossSigmoid {
		meta[result.KeyLoss] = result.LossSeveral
	}
	return result.WriteAdapter(r.folder.Path(result.AdapterFile), own, meta)
}

// writeBackbone writes the trained backbone with the classifier as its own head, and returns it.
func (r *run) writeBackbone(adapter, weights tensor.Map) (*backbone.Backbone, error) {
	trained := &backbone.Backbone{Description: r.backbone.Description, Weights: maps.Clone(weights)}
	trained.SetHead(adapter[dtl.HeadWeight], adapter[dtl.HeadBias])
	trained.Pool = r.method.Pool
	if r.config.Loss == LossSigmoid {
		trained.Answers = backbone.Answers{Several: true, Classes: r.data.classNames}
	}
	return trained, pair.Save(trained, r.folder.Path(result.BackboneFile))
}

// divide separates the trained tensors into those of the adapter file and the backbone weights of full fine-tuning, which go to
// another file. The few weights that a method like BitFit trains belong to the adapter.
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
