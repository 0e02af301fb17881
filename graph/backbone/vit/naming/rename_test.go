package naming

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// fingerprint is a tensor's shape and the beginning of the SHA-256 of its float32 values, as scripts/make_naming_vectors.py writes them.
type fingerprint struct {
	Shape []int
	Hash  string
}

func (f *fingerprint) UnmarshalJSON(raw []byte) error {
	return json.Unmarshal(raw, &[]any{&f.Shape, &f.Hash})
}

func read(t testing.TB, name string) tensor.Map {
	t.Helper()
	f, err := weight.Open(filepath.Join("testdata", name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return f.Tensors
}

// expected is the tensors in timm's names by case.
func expected(t testing.TB) map[string]map[string]fingerprint {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "timm.json"))
	if err != nil {
		t.Fatal(err)
	}
	var found map[string]map[string]fingerprint
	if err := json.Unmarshal(raw, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func hash(t *testing.T, x tensor.Tensor) string {
	t.Helper()
	if x.Float32() == nil {
		t.Fatalf("%T are no floats", x.Data)
	}
	var buf bytes.Buffer
	if err := binary.Write(&buf, binary.LittleEndian, x.Float32()); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(buf.Bytes())
	return hex.EncodeToString(sum[:8])
}

// compare fails unless the tensors are the expected ones, bit by bit, and no others.
func compare(t *testing.T, got tensor.Map, want map[string]fingerprint) {
	t.Helper()
	if names, wanted := got.Names(), slices.Sorted(maps.Keys(want)); !slices.Equal(names, wanted) {
		t.Errorf("tensors\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(wanted, "\n"))
		return
	}
	for name, w := range want {
		if x := got[name]; !slices.Equal(x.Shape, w.Shape) {
			t.Errorf("%s has shape %v, want %v", name, x.Shape, w.Shape)
		} else if hash(t, x) != w.Hash {
			t.Errorf("%s has other values", name)
		}
	}
}

// TestRename compares tensors in the names of each library to timm's, bit by bit, and checks what the names tell.
func TestRename(t *testing.T) {
	hub := func(f Family, prefix string, r Resampling) Result {
		return Result{Library: HuggingFace, Family: f, Prefix: prefix, Positions: r}
	}
	repository := func(f Family, r Resampling) Result { return Result{Library: Original, Family: f, Positions: r} }
	wanted := map[string]struct {
		Result
		eps        float64
		activation Activation
		mean       [3]float64
	}{
		"hf_vit":                   {hub(Plain, "vit.", ResampleHF), 1e-12, GELU, halfMean},
		"hf_vit_modules":           {hub(Plain, "vit.", ResampleHF), 1e-12, GELU, halfMean},
		"hf_vit_model":             {hub(Plain, "", ResampleHF), 1e-12, GELU, halfMean},
		"hf_deit":                  {hub(DeiT, "deit.", ResampleHF), 1e-12, GELU, imagenetMean},
		"hf_mae":                   {hub(MAE, "vit.", ResampleHF), 1e-12, GELU, imagenetMean},
		"hf_dinov2":                {hub(DINOv2, "dinov2.", ResampleHF), 1e-6, GELU, imagenetMean},
		"hf_dinov2_modules":        {hub(DINOv2, "dinov2.", ResampleHF), 1e-6, GELU, imagenetMean},
		"hf_dinov2_swiglu":         {hub(DINOv2, "", ResampleHF), 1e-6, GELU, imagenetMean},
		"hf_dinov2_swiglu_modules": {hub(DINOv2, "", ResampleHF), 1e-6, GELU, imagenetMean},
		"hf_dinov2_registers":      {hub(DINOv2, "dinov2_with_registers.", ResampleTimm), 1e-6, GELU, imagenetMean},
		"hf_dinov3":                {hub(DINOv3, "", ResampleHF), 1e-5, GELU, imagenetMean},
		"hf_dinov3_modules":        {hub(DINOv3, "", ResampleHF), 1e-5, GELU, imagenetMean},
		"hf_dinov3_gated":          {hub(DINOv3, "", ResampleHF), 1e-5, GELU, imagenetMean},
		"hf_clip":                  {hub(CLIP, "vision_model.", ResampleHF), 1e-5, QuickGELU, clipMean},
		"hf_clip_vision":           {hub(CLIP, "", ResampleHF), 1e-5, QuickGELU, clipMean},
		"hf_siglip":                {hub(SigLIP, "vision_model.", ResampleHF), 1e-6, GELUTanh, halfMean},
		"hf_siglip_vision":         {hub(SigLIP, "", ResampleHF), 1e-6, GELUTanh, halfMean},
		"hf_siglip2_naflex":        {hub(SigLIP, "", ResampleNaFlex), 1e-6, GELUTanh, halfMean},
		"hf_beit":                  {hub(BEiT, "beit.", ResampleHF), 1e-12, GELU, halfMean},
		"hf_beit_modules":          {hub(BEiT, "beit.", ResampleHF), 1e-12, GELU, halfMean},
		"dinov2":                   {repository(DINOv2, ResampleDINOv2), 1e-6, GELU, imagenetMean},
		"dinov2_registers":         {repository(DINOv2, ResampleTimm), 1e-6, GELU, imagenetMean},
		"dinov2_swiglu":            {repository(DINOv2, ResampleDINOv2), 1e-6, GELU, imagenetMean},
		"dinov2_chunked":           {repository(DINOv2, ResampleDINOv2), 1e-6, GELU, imagenetMean},
		"dinov3":                   {repository(DINOv3, ResampleTimm), 1e-5, GELU, imagenetMean},
		"dinov3_swiglu":            {repository(DINOv3, ResampleTimm), 1e-5, GELU, imagenetMean},
		"deit3":                    {repository(DeiT3, ResampleHF), 1e-6, GELU, imagenetMean},
		"mae":                      {repository(MAE, ResampleHF), 1e-6, GELU, imagenetMean},
		"openclip":                 {Result{Library: OpenCLIP, Family: CLIP, Prefix: "visual."}, 1e-5, GELU, clipMean},
		"openai_clip":              {Result{Library: OpenCLIP, Family: CLIP, Prefix: "visual."}, 1e-5, QuickGELU, clipMean},
		"torchvision":              {Result{Library: Torchvision, Family: Plain, Positions: ResampleTorchvision}, 1e-6, GELU, imagenetMean},
	}
	skipped := map[string][]string{
		"hf_clip":   {"logit_scale", "text_model.", "text_projection."},
		"hf_siglip": {"logit_bias", "logit_scale", "text_model."},
		"openclip":  {"ln_final.", "logit_scale", "positional_embedding", "text_projection", "token_embedding.", "transformer."},
	}
	skipped["openai_clip"] = skipped["openclip"]
	cases := expected(t)
	if len(cases) != len(wanted) {
		t.Errorf("%d cases in testdata, %d in the test", len(cases), len(wanted))
	}
	for name, tensors := range cases {
		t.Run(name, func(t *testing.T) {
			r, ok, err := Rename(read(t, name))
			if err != nil || !ok {
				t.Fatalf("recognised: %v, %v", ok, err)
			}
			compare(t, r.Tensors, tensors)
			want := wanted[name]
			if r.Library != want.Library || r.Family != want.Family || r.Prefix != want.Prefix || r.Positions != want.Positions {
				t.Errorf("recognised %q, %q, prefix %q, positions %q; want %q, %q, %q, %q", r.Library, r.Family, r.Prefix, r.Positions, want.Library, want.Family, want.Prefix, want.Positions)
			}
			if d := r.Defaults; d.Eps != want.eps || d.Activation != want.activation || d.Mean != want.mean {
				t.Errorf("defaults %+v, want %v, %v, %v", d, want.eps, want.activation, want.mean)
			}
			if got := slices.Sorted(slices.Values(r.Skipped)); !slices.Equal(got, skipped[name]) {
				t.Errorf("skipped %q, want %q", got, skipped[name])
			}
		})
	}
}
