package backbone

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
)

// harmlessArguments matches the arguments of timm's models that are evident from the tensors or have no effect outside of training.
var harmlessArguments = regexp.MustCompile(`^(embed_dim|depth|num_heads|patch_size|img_size|in_chans|num_classes|global_pool|mlp_ratio|class_token|no_embed_class|reg_tokens|` +
	`depths|window_size|ape|patch_norm|qkv_bias|proj_bias|qk_norm|pre_norm|init_values|fc_norm|final_norm|pos_embed|dynamic_img_size|dynamic_img_pad|weight_init|fix_init|.*drop.*)$`)

// timm parses the config.json of timm's models. Old ones have the fields of pretrained_cfg at the top level.
func (t *companion) timm(raw []byte, family Family) error {
	type pretrained struct {
		Mean, Std []float64
		InputSize []int `json:"input_size"`
		Classes   int   `json:"num_classes"`
	}
	var c struct {
		pretrained
		Architecture string
		Width        int                        `json:"num_features"`
		GlobalPool   string                     `json:"global_pool"`
		Pretrained   *pretrained                `json:"pretrained_cfg"`
		Arguments    map[string]json.RawMessage `json:"model_args"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	p := c.pretrained
	if c.Pretrained != nil {
		p = *c.Pretrained
		if c.Classes != 0 {
			p.Classes = c.Classes
		}
	}
	var args struct {
		Width   int    `json:"embed_dim"`
		Depth   int    // of networks without stages
		Heads   any    `json:"num_heads"` // a list in networks of several stages
		Patch   int    `json:"patch_size"`
		Classes int    `json:"num_classes"`
		Pool    string `json:"global_pool"`
	}
	if c.Arguments != nil {
		text, err := json.Marshal(c.Arguments)
		if err == nil {
			err = json.Unmarshal(text, &args)
		}
		if err != nil {
			return fmt.Errorf("model_args: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Arguments)) {
		if !harmlessArguments.MatchString(name) {
			t.unsupported = fmt.Sprintf("its model_args set %s, which no tensor tells and this version does not compute", name)
		}
	}
	named, ok := family.TimmName(c.Architecture)
	if !ok {
		t.unsupported = cmp.Or(t.unsupported, fmt.Sprintf("it is of the architecture %s, which is no %s", c.Architecture, family.Kind))
	}
	if t.plain = named.Plain; t.plain {
		t.eps = cmp.Or(named.Eps, family.Defaults.Eps)
	}
	if args.Width != 0 || args.Depth != 0 {
		named.Width, named.Depth, named.Heads = 0, 0, 0
	}
	if args.Patch != 0 {
		named.Patch = 0
	}
	t.heads, t.activation = named.Heads, named.Activation
	if heads, ok := args.Heads.(float64); ok && heads != 0 {
		t.heads = int(heads)
	}
	t.mean, t.std = p.Mean, p.Std
	if len(p.InputSize) == 3 {
		t.image = p.InputSize[2]
	}
	const name = "architecture " // precedes the architecture's name, for claims that follow from it
	t.claims = []claim{
		{name + c.Architecture + ": width", named.Width, Width}, {name + c.Architecture + ": depth", named.Depth, depth}, {name + c.Architecture + ": patch size", named.Patch, Architecture.PatchSize},
		{"num_features", c.Width, Width}, {"input_size", t.image, Architecture.ImageSize}, {"num_classes", p.Classes, Architecture.Classes},
		{"embed_dim", args.Width, firstWidth}, {"depth", args.Depth, depth}, {"patch_size", args.Patch, Architecture.PatchSize}, {"num_classes", args.Classes, Architecture.Classes},
	}
	switch pool := cmp.Or(args.Pool, c.GlobalPool); pool {
	case "":
	case "token":
		t.pool = PoolClass
	case "avg":
		t.pool, t.normed = PoolMean, !named.NormedMean
	default:
		t.unsupported = cmp.Or(t.unsupported, fmt.Sprintf("its global_pool is %q, which this version does not compute", pool))
	}
	return nil
}

// transformers parses the config.json of Hugging Face transformers.
func (t *companion) transformers(raw []byte, family Family) error {
	var c struct {
		Type       string            `json:"model_type"`
		Width      int               `json:"hidden_size"`
		Depth      int               `json:"num_hidden_layers"`
		Heads      int               `json:"num_attention_heads"`
		MLP        int               `json:"intermediate_size"`
		Eps        *float64          `json:"layer_norm_eps"`
		Image      int               `json:"image_size"`
		Patch      int               `json:"patch_size"`
		Activation string            `json:"hidden_act"`
		Classes    int               `json:"num_labels"`
		Labels     map[string]string `json:"id2label"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	if c.Classes == 0 {
		c.Classes = len(c.Labels)
	}
	t.heads, t.plain = c.Heads, true
	if c.Eps != nil {
		if t.eps = *c.Eps; !(t.eps > 0) || math.IsInf(t.eps, 0) {
			return fmt.Errorf("a layer_norm_eps of %v is not possible", t.eps)
		}
	}
	t.claims = []claim{
		{"hidden_size", c.Width, Width}, {"num_hidden_layers", c.Depth, depth}, {"intermediate_size", c.MLP, mlp},
		{"image_size", c.Image, Architecture.ImageSize}, {"patch_size", c.Patch, Architecture.PatchSize}, {"the number of labels", c.Classes, Architecture.Classes},
	}
	switch {
	case !slices.Contains(family.ModelTypes, c.Type):
		t.unsupported = fmt.Sprintf("it is of the model_type %q, which is no %s", c.Type, family.Kind)
	case c.Activation != "" && c.Activation != "gelu":
		t.unsupported = fmt.Sprintf("its hidden_act is %q, which this version does not compute", c.Activation)
	}
	return nil
}

// preprocessor parses the preprocessor_config.json of Hugging Face transformers. It ignores the image size there, which
// need not be the one for which the position embeddings were trained.
func (t *companion) preprocessor(raw []byte) error {
	var c struct {
		Mean      []float64 `json:"image_mean"`
		Std       []float64 `json:"image_std"`
		Normalize *bool     `json:"do_normalize"`
		Rescale   *bool     `json:"do_rescale"`
		Factor    *float64  `json:"rescale_factor"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	t.mean, t.std = c.Mean, c.Std
	if c.Normalize != nil && !*c.Normalize {
		t.mean, t.std = []float64{0, 0, 0}, []float64{1, 1, 1}
	}
	if c.Rescale != nil && !*c.Rescale || c.Factor != nil && math.Abs(*c.Factor*255-1) > 1e-6 {
		t.unsupported = "it does not scale pixels to 0..1, as this version does before the normalisation"
	}
	return nil
}

// firstWidth is the width of the first block.
func firstWidth(a Architecture) int {
	for _, block := range a.Blocks() {
		return block.Width
	}
	return 0
}

func depth(a Architecture) int { return len(a.Blocks()) }

func mlp(a Architecture) int {
	for _, block := range a.Blocks() {
		return block.MLP
	}
	return 0
}
