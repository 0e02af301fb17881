package hub

import (
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestChoose: the lists are those of public repositories (timm, transformers, OpenCLIP, diffusers), shortened.
func TestChoose(t *testing.T) {
	ref := Reference{repo, "main"}
	for _, c := range []struct {
		name, files, wanted string
		want                string   // the choice, or
		refused             []string // texts of the error
	}{
		{"timm", "config.json model.safetensors pytorch_model.bin README.md", "", "model.safetensors", nil},
		{"OpenCLIP", "open_clip_config.json open_clip_model.safetensors open_clip_pytorch_model.bin tokenizer.json", "", "open_clip_model.safetensors", nil},
		{"OpenCLIP and transformers", "config.json model.safetensors open_clip_config.json open_clip_model.safetensors", "", "model.safetensors", nil},
		{"sharded", "config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json", "", "model.safetensors.index.json", nil},
		{"both", "model.safetensors model.safetensors.index.json model-00001-of-00001.safetensors", "", "model.safetensors", nil},
		{"one of another name", "dinov2_vits14.safetensors README.md", "", "dinov2_vits14.safetensors", nil},
		{"one below", "README.md vision/model.safetensors", "", "vision/model.safetensors", nil},
		{"one above others", "a.safetensors sub/b.safetensors sub/c.safetensors", "", "a.safetensors", nil},
		{"several", "b.safetensors a.safetensors", "", "", []string{"several weight files", "dtl-tf backbone fetch timm/tiny@main --file NAME: a.safetensors, b.safetensors"}},
		{"several below", "unet/model.safetensors vae/model.safetensors", "", "", []string{"unet/model.safetensors, vae/model.safetensors"}},
		{"several, chosen", "b.safetensors a.safetensors", "b.safetensors", "b.safetensors", nil},
		{"below, chosen", "unet/model.safetensors vae/model.safetensors", "vae/model.safetensors", "vae/model.safetensors", nil},
		{"chosen is not there", "model.safetensors", "b.safetensors", "", []string{"has no file b.safetensors: it has model.safetensors"}},
		{"chosen pickle", "pytorch_model.bin", "b.safetensors", "", []string{"it has no weights in .safetensors files"}},
		{"pickles", "config.json optimizer.pt pytorch_model.bin training_args.bin", "", "", []string{
			"only in Python pickles (optimizer.pt, pytorch_model.bin)", `python3 -c "import huggingface_hub`, "'timm/tiny', 'pytorch_model.bin', revision='main'", "weights_only=True", "save_file"}},
		{"training arguments alone", "config.json training_args.bin", "", "", []string{"has no weights in .safetensors files: of its 2 files, the first are config.json, training_args.bin"}},
		{"shards alone", "model-00001-of-00002.safetensors", "", "", []string{"the shards model-00001-of-00002.safetensors without their index"}},
		{"nothing", "README.md", "", "", []string{"no weights in .safetensors files", "README.md"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := choose(ref, strings.Fields(c.files), c.wanted)
			if c.refused != nil {
				expect.Error(t, err, c.refused...)
				return
			}
			expect.NoError(t, err)
			if got != c.want {
				t.Errorf("chose %s, want %s", got, c.want)
			}
		})
	}
}

// TestConversion: a file's name cannot put anything into the command that a user is told to run.
func TestConversion(t *testing.T) {
	for _, name := range []string{`x');import os;os.system('id').bin`, "x$(id).bin", "x`id`.bin", `x".bin`, "a b.bin"} {
		_, err := choose(Reference{repo, "main"}, []string{name}, "")
		expect.Error(t, err, "'NAME'")
		_, command, _ := strings.Cut(err.Error(), "python3")
		if strings.Contains(command, "id") && strings.Contains(command, "id)") || strings.Contains(command, name) {
			t.Errorf("%s", command)
		}
	}
	_, err := choose(Reference{repo, "a'b"}, []string{"x.bin"}, "")
	expect.Error(t, err, "revision='REVISION'")
}

// TestCheckFile: --file takes weights only.
func TestCheckFile(t *testing.T) {
	for _, name := range []string{"pytorch_model.bin", "config.json", "model-00001-of-00002.safetensors", "x"} {
		expect.Error(t, CheckFile(name), "--file "+name+": want a .safetensors file")
	}
	for _, name := range []string{"a.safetensors", "vision/model.safetensors", "model.safetensors.index.json"} {
		expect.NoError(t, CheckFile(name))
	}
}
