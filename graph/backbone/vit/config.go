package vit

import (
	"regexp"
	"strconv"

	"dtl-tf/graph/backbone"
)

// plainName matches timm's names of plain ViTs.
var plainName = regexp.MustCompile(`^(?:vit|deit)_(tiny|small|base|large|huge|giant|gigantic)_patch(\d+)_\d+$`)

// timmSizes are the sizes in timm's names of plain ViTs (timm, vision_transformer.py).
var timmSizes = map[string]struct{ width, depth, heads int }{
	"tiny":     {192, 12, 3},
	"small":    {384, 12, 6},
	"base":     {768, 12, 12},
	"large":    {1024, 24, 16},
	"huge":     {1280, 32, 16},
	"giant":    {1408, 40, 16},
	"gigantic": {1664, 48, 16},
}

// timmKinds are what timm's names of other ViTs tell, the most specific first. testdata/timm_names.json has what timm itself
// builds under each name.
var timmKinds = []struct {
	name     *regexp.Regexp
	lineages []string // nil: the name does not tell
	eps      float64
	gelu     backbone.Activation
}{
	{regexp.MustCompile(`^deit_\w+_distilled_patch\d+_\d+$`), []string{"distilled DeiT"}, backbone.LayerNormEps, backbone.GELU},
	{regexp.MustCompile(`^deit3_\w+_patch\d+_\d+$`), []string{"DeiT-III"}, backbone.LayerNormEps, backbone.GELU},
	{regexp.MustCompile(`^vit_\w+_patch14_(reg4_)?dinov2$`), []string{"DINOv2"}, backbone.LayerNormEps, backbone.GELU},
	{regexp.MustCompile(`^vit_\w+_patch16_dinov3(_qkvb)?$`), []string{"DINOv3"}, smallEps, backbone.GELU},
	{regexp.MustCompile(`^vit_\w+_clip_quickgelu_\d+$`), []string{"CLIP"}, smallEps, backbone.QuickGELU},
	{regexp.MustCompile(`^vit_\w+_clip_\d+$`), []string{"CLIP"}, smallEps, backbone.GELU},
	{regexp.MustCompile(`^vit_(so400m_patch16|giantopt_patch16|base_patch32)_siglip_gap_\d+$|^vit_large_patch16_siglip_gap_512$`), nil, backbone.LayerNormEps, backbone.TanhGELU},
	{regexp.MustCompile(`^vit_\w+_siglip_gap_\d+$`), nil, backbone.LayerNormEps, backbone.GELU},
	{regexp.MustCompile(`^vit_(so400m_patch16|giantopt_patch16|base_patch32)_siglip_\d+$|^vit_large_patch16_siglip_512$`), []string{"SigLIP"}, backbone.LayerNormEps, backbone.TanhGELU},
	{regexp.MustCompile(`^vit_\w+_siglip_\d+$`), []string{"SigLIP"}, backbone.LayerNormEps, backbone.GELU},
	{regexp.MustCompile(`^eva02_(tiny|small|base|large)_patch14_\d+$`), []string{"EVA-02"}, backbone.LayerNormEps, backbone.GELU},
}

// timmHeads are the numbers of heads of timm's names whose heads are not 64 wide.
var timmHeads = []struct {
	name  *regexp.Regexp
	heads int
}{
	{regexp.MustCompile(`^vit_7b_patch16_dinov3`), 32},
	{regexp.MustCompile(`_huge_patch14_|_huge_patch16_gap_|_giant_patch\d+_(gap_|clip_)?\d+$|_gigantic_patch14_|_giantopt_|_so400m_|^vit_base_patch16_gap_224$`), 16},
}

// otherNetwork matches timm's names of networks that may have a known ViT's tensors but compute something else: res-post-norm,
// relative positions, other rotary positions, RMSNorm, other stems.
var otherNetwork = regexp.MustCompile(`_rpn_|relpos_|_rope_|^vit_pe_|_sapiens2|_xp_|_lingbot|_radio_|_mci_|_resnet|_r\d*_s\d+_|_18x2_|^vit_d?p?wee_|^vit_dlittle_`)

// viTName matches timm's names of ViTs.
var viTName = regexp.MustCompile(`^(vit|deit|test_vit)_`)

// timmName implements backbone.Family.TimmName.
func timmName(name string) (implied backbone.TimmName, ok bool) {
	if m := plainName.FindStringSubmatch(name); m != nil {
		size := timmSizes[m[1]]
		implied = backbone.TimmName{Plain: true, Width: size.width, Depth: size.depth, Heads: size.heads, Eps: backbone.LayerNormEps, Lineages: []string{""}}
		implied.Patch, _ = strconv.Atoi(m[2])
		return implied, true
	}
	for _, h := range timmHeads {
		if h.name.MatchString(name) {
			implied.Heads = h.heads
		}
	}
	for _, kind := range timmKinds {
		if kind.name.MatchString(name) {
			implied.Plain, implied.Eps, implied.Activation, implied.Lineages = true, kind.eps, kind.gelu, kind.lineages
			return implied, true
		}
	}
	return implied, viTName.MatchString(name) && !otherNetwork.MatchString(name)
}
