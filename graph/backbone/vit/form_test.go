package vit

import (
	"math"
	"slices"
	"testing"

	"dtl-tf/graph/backbone"
)

// TestUsualHeads: the heads of every named architecture are known from its sizes and its form.
func TestUsualHeads(t *testing.T) {
	for name, arch := range named {
		a := arch.(Architecture)
		if name == "vit_mini4" { // of no paper
			continue
		}
		heads := a.Width / 64
		if usual := usualHeads(a); usual != 0 {
			heads = usual
		}
		if heads != a.Heads {
			t.Errorf("%s: %d heads, want %d", name, heads, a.Heads)
		}
	}
}

// TestUsualHeadsOfForms: networks that no test builds whole have the heads of timm_names.json.
func TestUsualHeadsOfForms(t *testing.T) {
	for name, c := range map[string]struct {
		change func(a *Architecture)
		from   string
		want   int
	}{
		"deit3_huge_patch14_224":              {func(a *Architecture) { a.Width = 1280 }, "deit3_b16", 16},
		"vit_so400m_patch14_siglip_gap_224":   {func(a *Architecture) { a.Width, a.NoClass = 1152, true }, "vit_b16", 16},
		"vit_giantopt_patch16_siglip_gap_256": {func(a *Architecture) { a.Width, a.NoClass = 1536, true }, "vit_b16", 16},
		"vit_giant_patch14_dinov2":            {func(a *Architecture) { a.Width = 1536 }, "dinov2_s14", 0},
		"vit_huge_plus_patch16_dinov3":        {func(a *Architecture) { a.Width = 1280 }, "dinov3_l16", 0},
	} {
		a := named[c.from].(Architecture)
		c.change(&a)
		if got := usualHeads(a); got != c.want {
			t.Errorf("%s: %d heads, want %d (0: 64 wide)", name, got, c.want)
		}
	}
}

// TestLineages: form and sizes tell the published networks apart.
func TestLineages(t *testing.T) {
	for name, want := range map[string]string{
		"vit_b16": "", "dinov2_s14": "DINOv2", "dinov2_reg_g14": "DINOv2", "dinov3_l16": "DINOv3", "clip_b32": "CLIP", "siglip_so400m14": "SigLIP",
		"deit3_b16": "DeiT-III", "eva02_ti14": "EVA-02", "eva02_l14": "EVA-02",
	} {
		if got := named[name].Lineage(); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
		if d := defaultsOf(named[name]); d.Eps != named[name].NormEps() || d.Known != (want != "") || !slices.Contains(named[name].Pools(), d.Pool) {
			t.Errorf("%s has the defaults %+v", name, d)
		}
	}
}

// TestDefaultPools: a method that reads the class token reads what is usual for the backbone, and one that reads the mean keeps it.
func TestDefaultPools(t *testing.T) {
	for name, want := range map[string]backbone.Pool{
		"vit_b16": backbone.PoolClass, "dinov2_b14": backbone.PoolClass, "dinov3_b16": backbone.PoolClass, "siglip_b16": backbone.PoolMap, "eva02_b14": backbone.PoolMean,
	} {
		if got := backbone.DefaultPool(named[name], backbone.PoolClass); got != want {
			t.Errorf("%s: %s in place of cls, want %s", name, got, want)
		}
		if got := backbone.DefaultPool(named[name], backbone.PoolMean); got != backbone.PoolMean {
			t.Errorf("%s: %s in place of mean", name, got)
		}
	}
}

// TestAngles: tokens that a method inserts are not turned, and leave the angles of the patches as they are. The angles are those of
// timm (RotaryEmbeddingDinoV3 and RotaryEmbeddingCat on a grid of 3 x 3 with heads 12 wide), for the patch in row 1, column 2.
func TestAngles(t *testing.T) {
	for name, c := range map[string]struct {
		form Form
		want []float64
	}{
		"dinov3": {dinov3, []float64{0, 0, 0, 4.188789849511922, 0.9024473462512314, 0.1944263695239378}},
		"eva02":  {eva02, []float64{5.333333504314382, 0.24755138688438885, 0.011490317158964843, 4.383481676373202, 0.49510277949474857, 0.022980634077110706}},
	} {
		a := small(16, 1e-6, c.form)
		plain, extra := a.angles(0), a.angles(5)
		half := a.Width / a.Heads / 2
		if len(plain) != a.Tokens()*half || !slices.Equal(extra[(a.Prefix()+5)*half:], plain[a.Prefix()*half:]) {
			t.Errorf("%s: the angles of the patches change", name)
		}
		for i, v := range extra[:(a.Prefix()+5)*half] {
			if v != 0 {
				t.Errorf("%s: angle %d of a token that is no patch is %v", name, i, v)
			}
		}
		got := plain[(a.Prefix()+1*3+2)*half:][:half]
		for i, want := range c.want {
			if d := math.Mod(float64(got[i]), 2*math.Pi) - want; !(math.Abs(d) <= 2e-6) { // timm's are known by sin and cos in float32
				t.Errorf("%s: angles %v, want %v", name, got, c.want)
				break
			}
		}
	}
}

// TestForeignNames: timm's names of networks that this package does not compute are not taken for a ViT's.
func TestForeignNames(t *testing.T) {
	for _, name := range []string{"vit_base_patch16_rpn_224", "vit_base_patch16_rope_224", "vit_pe_core_base_patch16_224", "beit_base_patch16_224", "resnet50", "eva_giant_patch14_224"} {
		if _, ok := timmName(name); ok {
			t.Errorf("%s passes for a ViT of a known form", name)
		}
	}
}
