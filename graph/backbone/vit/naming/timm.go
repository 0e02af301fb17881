package naming

const (
	timmAnchor = "patch_embed.proj.weight"
	anyBlock   = "blocks.#." + anything
)

// timm is timm's own names, below some prefix.
var timm = naming{
	library: TIMM, anchor: timmAnchor, owns: anyOf(anyBlock),
	inside:    []pair{{from: anything, to: anything}},
	outside:   append([]pair{{from: "head.*", to: "head.*"}}, distillationHeads...), // behind "backbone." or "teacher."
	positions: timmPositions,
}

// timmTower is a model of OpenCLIP whose image tower is timm's (open_clip, timm_model.py).
var timmTower = naming{
	library: TIMM, anchor: timmAnchor, part: "trunk.", owns: anyOf(anyBlock),
	inside:    []pair{{from: anything, to: anything}},
	outside:   []pair{{from: "head.proj.weight", to: "head.weight"}}, // behind "visual."
	skipped:   clipText,
	finish:    projection,
	positions: timmPositions,
}

// timmPositions is resample_abs_pos_embed (timm, layers/pos_embed.py).
func timmPositions(*work, Family) Resampling { return ResampleTimm }
