package report

import "testing"

func TestFileName(t *testing.T) {
	for path, want := range map[string]string{"a/vit.npz": "vit", "b.safetensors": "b", "models/sm/": "sm", "built-in default": "built-in default", "": ""} {
		if got := fileName(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
