package backbone

import (
	"fmt"
	"strings"

	"dtl-tf/graph/tensor"
)

// names explains that a file has a ViT's weights under names that this package does not read, "" if it does not.
func names(m tensor.Map) string {
	for _, name := range m.Names() {
		for _, anchor := range []string{"patch_embed.proj.weight", "embedding/kernel"} {
			if prefix, ok := strings.CutSuffix(name, anchor); ok && prefix != "" {
				return fmt.Sprintf(`its names begin with %q: remove that with: python3 -c "import sys, safetensors.torch as s; s.save_file({k.removeprefix('%s'): v for k, v in s.load_file(sys.argv[1]).items()}, sys.argv[2])" OLD.safetensors NEW.safetensors`,
					prefix, prefix)
			}
		}
		for _, program := range []struct{ part, name string }{
			{"embeddings.patch_embeddings.", "Hugging Face transformers"}, {"vision_model.embeddings.", "Hugging Face transformers"},
			{"visual.conv1.", "OpenCLIP"}, {"encoder.layers.encoder_layer_0.", "torchvision"},
		} {
			if strings.Contains(name, program.part) {
				return fmt.Sprintf("its names are those of %s, but names that every ViT has there are missing: the file is incomplete or of another network", program.name)
			}
		}
	}
	return ""
}
