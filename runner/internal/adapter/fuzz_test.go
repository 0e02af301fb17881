package adapter

import (
	"strings"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// FuzzAdapter: whatever an adapter file says about itself, it is refused with its name or its settings fit the backbone.
func FuzzAdapter(f *testing.F) {
	arch, err := backbone.Parse("vit:image=8,patch=4,width=16,depth=2,heads=2,mlp=32")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("dtl", "2", "100", "2", "3", "mean", "8", "[0.5,0.5,0.5]", 2)
	f.Add("", "", "", "", "", "", "", "", 1<<40)
	f.Add("dtl+", "999999999999", "NaN", "-1", "2", "max", "1000000000", "[1e999]", 0)
	f.Add("noah", "8,8", "0x1p-1000", "", "", "", "-8", "[]", -1)
	f.Fuzz(func(t *testing.T, method, rank, beta, from, kernel, pool, image, mean string, shape int) {
		meta := result.Meta{}
		length := 0
		for key, value := range map[string]string{
			result.KeyMethod: method, "rank": rank, "beta": beta, "feedback_from": from,
			"kernel": kernel, result.KeyPool: pool, result.KeyImageSize: image, result.KeyMean: mean, result.KeyStd: mean,
		} {
			if value != "" {
				meta[key] = value
			}
			length += len(value)
		}
		a := &result.Adapter{Path: "adapter.safetensors", Meta: meta, Tensors: tensor.Map{
			"lora_dict.0.lora_A": {Shape: []int{shape, 0}, Data: []float32{}}, "head.weight": {Shape: []int{shape}, Data: []float32{}},
		}}
		expect.Memory(t, 256*length, func() {
			s, err := Settings(a, runner.MethodConfig{}, arch)
			if err != nil && !strings.Contains(err.Error(), a.Path) {
				t.Errorf("the file is not named: %v", err)
			}
			if err == nil && (s.Method == nil || s.Pool == "") {
				t.Errorf("runner.Settings %+v", s)
			}
			var b runner.BackboneConfig
			if err := takeOver(a, &b); err != nil && !strings.Contains(err.Error(), a.Path) {
				t.Errorf("the file is not named: %v", err)
			}
			if _, err := Classes(a); err == nil {
				t.Error("a classifier of one axis is accepted")
			}
		})
	})
}
