package backbone

import (
	"testing"

	"dtl-tf/graph/tensor"
)

// TestPatchEmbedding checks that a vision transformer is recognised as such under the names of all libraries, so that it is read
// before a layout judges it, and that other networks are not.
func TestPatchEmbedding(t *testing.T) {
	for name, want := range map[string]bool{
		"patch_embed.proj.weight": true, "module.backbone.patch_embed.proj.weight": true, "visual.trunk.patch_embed.proj.weight": true, // timm
		"vit.embeddings.patch_embeddings.projection.weight": true, "embeddings.patch_embeddings.weight": true, "vision_model.embeddings.patch_embedding.weight": true, // transformers
		"visual.conv1.weight": true, "class_embedding": true, "conv_proj.weight": true, "embedding/kernel": true, // OpenCLIP, torchvision, Google
		"conv1.weight": false, "x_embedder.proj.weight": false, "pos_embed.proj.weight": false, "text_model.embeddings.token_embedding.weight": false, "model.embed_tokens.weight": false,
		"time_embedding.linear_1.weight": false, "embedder.embedder.convolution.weight": false, "bert.embeddings.position_embeddings.weight": false,
	} {
		if got := hasPatchEmbedding(tensor.Map{name: tensor.Zeros(1)}); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
