package backbone

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// harmlessArguments matches the arguments of timm's models that are evident from the tensors or have no effect outside of training.
var harmlessArguments = regexp.MustCompile(`^(embed_dim|depth|num_heads|patch_size|img_size|in_chans|num_classes|global_pool|mlp_ratio|class_token|no_embed_class|reg_tokens|act_layer|` +
	`depths|window_size|ape|patch_norm|qkv_bias|proj_bias|qk_norm|pre_norm|init_values|fc_norm|final_norm|pos_embed|dynamic_img_size|dynamic_img_pad|weight_init|fix_init|.*drop.*)$`)

// timmConfig is the part of a config.json of timm's models that is read.
type timmConfig struct {
	timmPretrained // of old ones, which have the fields of pretrained_cfg at the top level
	Architecture   string
	Width          int                        `json:"num_features"`
	GlobalPool     string                     `json:"global_pool"`
	Pretrained     *timmPretrained            `json:"pretrained_cfg"`
	Arguments      map[string]json.RawMessage `json:"model_args"`
}

// timmPretrained describes the weights of a network.
type timmPretrained struct {
	Mean, Std     []float64
	InputSize     []int `json:"input_size"`
	Classes       int   `json:"num_classes"`
	Interpolation string
	Notes         []string
}

// timmArguments are the arguments of a model that are read.
type timmArguments struct {
	Width      int    `json:"embed_dim"`
	Depth      int    // of networks without stages
	Heads      any    `json:"num_heads"` // a list in networks of several stages
	Patch      int    `json:"patch_size"`
	Classes    int    `json:"num_classes"`
	Pool       string `json:"global_pool"`
	Registers  *int   `json:"reg_tokens"`
	Activation string `json:"act_layer"`
}

// parseTimm reads a config.json. p is its pretrained_cfg, wherever that stands.
func parseTimm(raw []byte) (c timmConfig, p timmPretrained, args timmArguments, err error) {
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, p, args, err
	}
	p = c.timmPretrained
	if c.Pretrained != nil {
		p = *c.Pretrained
		if c.Classes != 0 {
			p.Classes = c.Classes
		}
	}
	if c.Arguments == nil {
		return c, p, args, nil
	}
	text, err := json.Marshal(c.Arguments)
	if err == nil {
		err = json.Unmarshal(text, &args)
	}
	if err != nil {
		err = fmt.Errorf("model_args: %w", err)
	}
	return c, p, args, err
}

// timm parses the config.json of timm's models.
func (t *companion) timm(raw []byte, a Architecture) error {
	c, p, args, err := parseTimm(raw)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Arguments)) {
		if !harmlessArguments.MatchString(name) {
			t.unsupported = fmt.Sprintf("its model_args set %s, which no tensor tells and this version does not compute", name)
		}
	}
	family := familyOf(a)
	named, ok := family.TimmName(c.Architecture)
	if !ok {
		t.unsupported = cmp.Or(t.unsupported, fmt.Sprintf("it is of the architecture %s, which is no %s", c.Architecture, family.Kind))
	}
	t.kind, t.lineages = "architecture "+c.Architecture, named.Lineages
	if t.plain = named.Plain; t.plain {
		t.eps = cmp.Or(named.Eps, family.defaultsOf(a).Eps)
	}
	if args.Width != 0 || args.Depth != 0 {
		named.Width, named.Depth, named.Heads = 0, 0, 0
	}
	if args.Patch != 0 {
		named.Patch = 0
	}
	t.heads, t.activation = named.heads(a), named.Activation
	if t.activation != "" && slices.ContainsFunc(p.Notes, func(note string) bool { return strings.Contains(note, "natively QuickGELU") }) {
		t.activation = QuickGELU // timm computes GELU under this name, the weights were trained with the other
		t.remark = fmt.Sprintf("%s says that the weights are of a network with QuickGELU, which is computed, though timm computes GELU under the name %s", t.source(), c.Architecture)
	}
	if args.Activation != "" {
		t.setActivation("act_layer", args.Activation)
	}
	if heads, ok := args.Heads.(float64); ok && heads != 0 {
		t.heads = int(heads)
	}
	t.mean, t.std, t.interpolation = p.Mean, p.Std, p.Interpolation
	if len(p.InputSize) == 3 {
		t.image = p.InputSize[2]
	}
	name := t.kind // precedes claims that follow from it
	t.claims = []claim{
		{key: name + ": width", value: named.Width, of: Width}, {key: name + ": depth", value: named.Depth, of: depth}, {key: name + ": patch size", value: named.Patch, of: Architecture.PatchSize},
		{key: "num_features", value: c.Width, of: Width}, {key: "input_size", value: t.image, of: Architecture.ImageSize}, {key: "num_classes", value: p.Classes, of: Architecture.Classes},
		{key: "embed_dim", value: args.Width, of: firstWidth}, {key: "depth", value: args.Depth, of: depth}, {key: "patch_size", value: args.Patch, of: Architecture.PatchSize},
		{key: "num_classes", value: args.Classes, of: Architecture.Classes},
	}
	if args.Registers != nil {
		t.claims = append(t.claims, claim{key: "reg_tokens", value: *args.Registers, of: registersOf, exact: true})
	}
	return t.timmPool(cmp.Or(args.Pool, c.GlobalPool), named)
}

// timmPool records the pooling that timm calls by a name.
func (t *companion) timmPool(name string, named TimmName) error {
	switch name {
	case "":
	case "token":
		t.pool = PoolClass
	case "avg":
		t.pool, t.normed = PoolMean, !named.NormedMean
	case "map":
		t.pool = PoolMap
	default:
		t.unsupported = cmp.Or(t.unsupported, fmt.Sprintf("its global_pool is %q, which this version does not compute", name))
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
