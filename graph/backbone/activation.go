package backbone

import (
	"fmt"
	"slices"
)

// Activation is the activation function of a backbone's MLPs, by the name that Hugging Face's config.json and timm use.
type Activation string

const (
	GELU      Activation = "gelu"       // x Phi(x) with the exact normal distribution function
	TanhGELU  Activation = "gelu_tanh"  // the approximation of GELU by tanh (Hendrycks and Gimpel, arXiv 1606.08415)
	QuickGELU Activation = "quick_gelu" // x sigmoid(1.702 x), of OpenAI's CLIP
)

// ParseActivation checks the name of an activation. It also takes the names of transformers for them.
func ParseActivation(name string) (Activation, error) {
	if name == "gelu_pytorch_tanh" || name == "gelu_new" {
		name = string(TanhGELU)
	}
	if a := Activation(name); slices.Contains([]Activation{GELU, TanhGELU, QuickGELU}, a) {
		return a, nil
	}
	return "", fmt.Errorf("unknown activation %q: use %s, %s or %s", name, GELU, TanhGELU, QuickGELU)
}
