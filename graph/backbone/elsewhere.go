package backbone

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/tensor"
)

// shard matches the names of the files into which large models are split.
var shard = regexp.MustCompile(`-\d{5}-of-(\d{5})\.(safetensors|bin)$`)

// join is a command that joins shards to one file.
func join(folder string) string {
	return fmt.Sprintf(`join them with: python3 -c "import glob, safetensors.torch as s; s.save_file({k: v for f in glob.glob('%s') for k, v in s.load_file(f).items()}, '%s')"`,
		filepath.Join(folder, "*-of-*.safetensors"), filepath.Join(folder, "joined.safetensors"))
}

// checkForm refuses downloads from model hubs that this package can't read, and says what to do instead.
func checkForm(path string, info fs.FileInfo) error {
	folder := filepath.Dir(path)
	switch {
	case info.IsDir():
		return checkFolder(path)
	case strings.HasSuffix(path, ".index.json"):
		return fmt.Errorf("backbone %s is the list of the shards of a model, which are not read: %s", path, join(folder))
	case shard.MatchString(path):
		return fmt.Errorf("backbone %s is one of %s shards of a model, which are not read: %s", path, strings.TrimLeft(shard.FindStringSubmatch(path)[1], "0"), join(folder))
	}
	return nil
}

// checkFolder refuses a folder that is a download rather than a SavedModel.
func checkFolder(path string) error {
	has := func(pattern string) string {
		if found, _ := filepath.Glob(filepath.Join(path, pattern)); found != nil {
			return found[0]
		}
		return ""
	}
	if _, err := os.Stat(filepath.Join(path, savedmodel.ModelFile)); err == nil {
		return nil
	}
	for _, pattern := range []string{"*.index.json", "*-of-*.safetensors"} {
		if found := has(pattern); found != "" {
			return fmt.Errorf("backbone %s is a folder with the shards of a model, which are not read: %s", path, join(path))
		}
	}
	for _, pattern := range []string{"*.safetensors", "*.npz", "*.bin", "*.pth", "*.pt"} {
		if found := has(pattern); found != "" {
			return fmt.Errorf("backbone %s is a folder and no SavedModel: name the weight file in it, %s", path, found)
		}
	}
	return nil
}

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
				return fmt.Sprintf("its names are those of %s, which are not read: take the file of the same model that timm publishes (timm.create_model(NAME, pretrained=True), then safetensors.torch.save_model)", program.name)
			}
		}
	}
	return ""
}
