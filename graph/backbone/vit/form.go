package vit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/backbone"
)

// Form is how a ViT differs from the plain one, whose Form is zero. See named.go for the networks that have which.
type Form struct {
	NoClass    bool       `json:"no_class_token,omitempty"`
	Distilled  bool       `json:"distillation_token,omitempty"` // after the class token
	Registers  int        `json:"register_tokens,omitempty"`    // after these
	Positions  Positions  `json:"positions,omitempty"`
	Rotary     Rotary     `json:"rotary,omitempty"`
	Resampling Resampling `json:"resampling,omitempty"`

	NoPatchBias bool                `json:"no_patch_bias,omitempty"` // of the patch embedding
	PreNorm     bool                `json:"pre_norm,omitempty"`      // a LayerNorm of the tokens before the first block
	QKVBias     QKVBias             `json:"qkv_bias,omitempty"`
	LayerScale  bool                `json:"layer_scale,omitempty"` // a factor for each channel of both branches
	Gated       bool                `json:"swiglu,omitempty"`      // silu(gate x) * (fc1 x) in place of GELU(fc1 x)
	InnerNorm   bool                `json:"inner_norm,omitempty"`  // a LayerNorm of the MLP's hidden units
	GELU        backbone.Activation `json:"activation,omitempty"`  // ""; backbone.GELU

	MapPool    bool `json:"attention_pool,omitempty"`
	NormedMean bool `json:"normed_mean,omitempty"`  // the mean pool averages normalised tokens
	NoHeadBias bool `json:"no_head_bias,omitempty"` // of the own head
	WideHead   bool `json:"wide_head,omitempty"`    // the own head reads 2d features: class token and mean, or both tokens of a distilled DeiT
}

// Positions tells which tokens have position embeddings. The zero value stands for the class token, the distillation token and the
// patches.
type Positions string

const (
	PatchPositions Positions = "patches" // patches only
	NoPositions    Positions = "none"
)

// QKVBias tells which of query, key and value have a bias. The zero value stands for all of them.
type QKVBias string

const (
	QueryValueBias QKVBias = "qv"
	NoQKVBias      QKVBias = "none"
)

// Prefix is the number of tokens before the patches.
func (f Form) Prefix() int {
	n := f.Registers
	if !f.NoClass {
		n++
	}
	if f.Distilled {
		n++
	}
	return n
}

// Activation implements backbone.Architecture.
func (f Form) Activation() backbone.Activation {
	if f.GELU == "" {
		return backbone.GELU
	}
	return f.GELU
}

// Pools implements backbone.Architecture.
func (f Form) Pools() []backbone.Pool {
	switch {
	case f.Rotary == RotaryEVA02: // its class token served pre-training only
		return []backbone.Pool{backbone.PoolMean, backbone.PoolClass, backbone.PoolBoth}
	case f.NoClass && f.MapPool:
		return []backbone.Pool{backbone.PoolMap, backbone.PoolMean}
	case f.NoClass:
		return []backbone.Pool{backbone.PoolMean}
	case f.Distilled:
		return []backbone.Pool{backbone.PoolClass, backbone.PoolMean, backbone.PoolBoth, backbone.PoolDistilled}
	}
	return []backbone.Pool{backbone.PoolClass, backbone.PoolMean, backbone.PoolBoth}
}

// setting is a setting of a form in a description. The zero value of its field is left out.
type setting struct {
	key  string
	flag *bool // its text in a description is yes, or no for a flag that says that something is missing
	text func() string
	set  func(text string) error
}

func (f *Form) settings() []setting {
	flag := func(key string, field *bool, word string) setting {
		return setting{key: key, flag: field, text: func() string {
			if *field {
				return word
			}
			return ""
		}, set: func(text string) error {
			if text != "yes" && text != "no" {
				return fmt.Errorf("%s is yes or no, not %q", key, text)
			}
			*field = text == word
			return nil
		}}
	}
	return []setting{
		flag("class-token", &f.NoClass, "no"), flag("distillation-token", &f.Distilled, "yes"),
		{key: "registers", text: func() string {
			if f.Registers == 0 {
				return ""
			}
			return strconv.Itoa(f.Registers)
		}, set: func(text string) (err error) {
			if f.Registers, err = strconv.Atoi(text); err != nil {
				return fmt.Errorf("registers is not a whole number: %q", text)
			}
			return nil
		}},
		choice("positions", &f.Positions, PatchPositions, NoPositions), choice("rotary", &f.Rotary, RotaryDINOv3, RotaryEVA02),
		choice("resampling", &f.Resampling, ResampleHF, ResampleDINOv2, ResampleNaFlex, ResampleTorchvision), flag("patch-bias", &f.NoPatchBias, "no"), flag("pre-norm", &f.PreNorm, "yes"),
		choice("qkv-bias", &f.QKVBias, QueryValueBias, NoQKVBias), flag("layer-scale", &f.LayerScale, "yes"), flag("swiglu", &f.Gated, "yes"),
		flag("inner-norm", &f.InnerNorm, "yes"), choice("activation", &f.GELU, backbone.TanhGELU, backbone.QuickGELU),
		flag("attention-pool", &f.MapPool, "yes"), flag("normed-mean", &f.NormedMean, "yes"),
	}
}

// choice is a setting with one of the given values.
func choice[T ~string](key string, field *T, values ...T) setting {
	return setting{key: key, text: func() string { return string(*field) }, set: func(text string) error {
		if !slices.Contains(values, T(text)) {
			return fmt.Errorf("%s is one of %v, not %q", key, values, text)
		}
		*field = T(text)
		return nil
	}}
}

// String is the form in a description of an architecture: empty for the plain one, otherwise ",key=value" for each difference.
func (f Form) String() string {
	var text strings.Builder
	for _, s := range f.settings() {
		if value := s.text(); value != "" {
			fmt.Fprintf(&text, ",%s=%s", s.key, value)
		}
	}
	return text.String()
}

// validate returns an error if the parts of the form don't go together. headWidth is the width of an attention head.
func (f Form) validate(headWidth int) error {
	for _, s := range f.settings() {
		if value := s.text(); value != "" && s.flag == nil {
			if err := s.set(value); err != nil {
				return fmt.Errorf("architecture: %w", err)
			}
		}
	}
	for _, wrong := range []struct {
		is   bool
		what string
	}{
		{f.Registers < 0 || f.Registers > maxSize, fmt.Sprintf("registers = %d is not possible", f.Registers)},
		{f.NoClass && (f.Distilled || f.Registers > 0), "a distillation token or registers need a class token"},
		{f.NoClass && f.Positions == PatchPositions, "without a class token, positions are those of the patches already"},
		{f.Positions == NoPositions && f.Rotary == "", "without position embeddings there must be rotary positions: set rotary"},
		{f.Registers > 0 && f.Positions == "", "registers have no positions: set positions to patches or none"},
		{f.Rotary != "" && headWidth%4 != 0, fmt.Sprintf("rotary positions need heads whose width is a multiple of 4, not %d", headWidth)},
		{f.MapPool && !f.NoClass, "attention pooling beside a class token is not known"},
	} {
		if wrong.is {
			return fmt.Errorf("architecture: %s", wrong.what)
		}
	}
	return nil
}
