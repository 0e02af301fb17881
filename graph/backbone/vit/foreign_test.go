package vit

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// TestForeignNetworks checks that the error for another kind of network says what it is. The names are from the files of the
// programs that are named.
func TestForeignNetworks(t *testing.T) {
	for _, c := range []struct {
		what  string
		names []string
		want  string
	}{
		{"transformers' CLIPTextModel", []string{"text_model.embeddings.token_embedding.weight", "text_model.encoder.layers.0.self_attn.q_proj.weight", "text_projection.weight"}, "text tower of a CLIP"},
		{"OpenCLIP's text tower", []string{"positional_embedding", "token_embedding.weight", "transformer.resblocks.0.attn.in_proj_weight", "ln_final.weight"}, "text tower of a CLIP"},
		{"torchvision's ResNet", []string{"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "fc.weight"}, "convolutional network (such as a ResNet"},
		{"transformers' ResNet", []string{"resnet.embedder.embedder.convolution.weight", "resnet.encoder.stages.0.layers.0.layer.0.convolution.weight"}, "convolutional network"},
		{"timm's ConvNeXt", []string{"stem.0.weight", "stages.0.blocks.0.conv_dw.weight", "head.fc.weight"}, "convolutional network"},
		{"timm's EfficientNet", []string{"conv_stem.weight", "blocks.0.0.conv_dw.weight", "bn1.running_mean"}, "convolutional network"},
		{"the original DETR", []string{"transformer.encoder.layers.0.self_attn.in_proj_weight", "class_embed.weight", "bbox_embed.layers.0.weight", "backbone.0.body.layer1.0.conv1.weight"}, "detector"},
		{"transformers' DETR", []string{"model.backbone.conv_encoder.model.layer1.0.conv1.weight", "class_labels_classifier.weight", "bbox_predictor.layers.0.weight"}, "detector"},
		{"YOLOS, a detector with a ViT in it", []string{"vit.embeddings.patch_embeddings.projection.weight", "vit.embeddings.detection_tokens", "class_labels_classifier.layers.0.weight"}, "detector"},
		{"ultralytics' YOLO", []string{"model.0.conv.weight", "model.22.cv2.0.0.conv.weight", "model.22.dfl.conv.weight", "model.0.bn.running_mean"}, "detector"},
		{"torchvision's Faster R-CNN", []string{"backbone.body.layer1.0.conv1.weight", "rpn.head.conv.0.0.weight", "roi_heads.box_head.fc6.weight"}, "detector"},
		{"SAM", []string{"image_encoder.pos_embed", "image_encoder.patch_embed.proj.weight", "mask_decoder.transformer.layers.0.norm1.weight"}, "segmentation (SAM)"},
		{"diffusers' UNet", []string{"conv_in.weight", "time_embedding.linear_1.weight", "down_blocks.0.resnets.0.conv1.weight", "mid_block.attentions.0.proj_in.weight"}, "diffusion model (UNet)"},
		{"Stable Diffusion in one file", []string{"model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.encoder.conv_in.weight", "cond_stage_model.transformer.text_model.embeddings.position_ids"}, "diffusion model (UNet)"},
		{"diffusers' VAE", []string{"encoder.down_blocks.0.resnets.0.conv1.weight", "decoder.mid_block.attentions.0.to_q.weight", "quant_conv.weight"}, "autoencoder of images (VAE)"},
		{"DiT, which has a pos_embed", []string{"pos_embed", "x_embedder.proj.weight", "t_embedder.mlp.0.weight", "blocks.0.attn.qkv.weight", "blocks.0.adaLN_modulation.1.weight"}, "diffusion transformer (DiT)"},
		{"Flux", []string{"img_in.weight", "double_blocks.0.img_attn.qkv.weight", "single_blocks.0.linear1.weight"}, "diffusion transformer (DiT)"},
		{"peft's LoRA", []string{"base_model.model.vit.encoder.layer.0.attention.attention.query.lora_A.weight", "base_model.model.vit.encoder.layer.0.attention.attention.query.lora_B.weight"}, "LoRA weights of peft"},
		{"kohya's LoRA", []string{"lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "lora_unet_down_blocks_0_attentions_0_proj_in.alpha"}, "LoRA weights"},
		{"Llama", []string{"model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight", "lm_head.weight"}, "language model"},
		{"GPT-2", []string{"wte.weight", "h.0.attn.c_attn.weight"}, "language model"},
		{"BERT", []string{"bert.embeddings.word_embeddings.weight", "bert.encoder.layer.0.attention.self.query.weight"}, "language model"},
		{"LLaVA, which has a vision tower", []string{"vision_tower.vision_model.embeddings.patch_embedding.weight", "language_model.model.embed_tokens.weight"}, "language model, or has one in it"},
		{"wav2vec2", []string{"wav2vec2.feature_extractor.conv_layers.0.conv.weight", "wav2vec2.encoder.layers.0.attention.k_proj.weight"}, "network for sound"},
		{"bitsandbytes, 4 bits", []string{"encoder.layer.0.mlp.fc1.weight", "encoder.layer.0.mlp.fc1.weight.absmax", "encoder.layer.0.mlp.fc1.weight.quant_map"}, "quantised model"},
		{"bitsandbytes, 8 bits", []string{"encoder.layer.0.mlp.fc1.weight", "encoder.layer.0.mlp.fc1.SCB"}, "quantised model"},
		{"GPTQ", []string{"model.layers.0.mlp.up_proj.qweight", "model.layers.0.mlp.up_proj.qzeros"}, "quantised model"},
	} {
		t.Run(c.what, func(t *testing.T) {
			m := tensor.Map{}
			for _, name := range c.names {
				m[name] = tensor.Zeros(1)
			}
			path := writeSafetensors(t, m)
			_, err := backbone.Load(t.Context(), path, backbone.Options{Heads: 2})
			expect.Error(t, err, path, c.want, "it has the tensor ")
		})
	}
}

// TestBackboneIsNotForeign checks that a backbone that loads is never taken for another network, whatever its other tensors are called.
func TestBackboneIsNotForeign(t *testing.T) {
	m := timmNames()
	m["lm_head.weight"] = tensor.Zeros(1)
	_, err := backbone.Load(t.Context(), writeSafetensors(t, m), backbone.Options{Heads: 2, Beside: func(name string) bool { return name == "lm_head.weight" }})
	expect.NoError(t, err)

	m["bbox_predictor.weight"] = tensor.Zeros(1) // a tensor is called as in the file
	_, err = backbone.Load(t.Context(), writeSafetensors(t, m), backbone.Options{Heads: 2})
	expect.Error(t, err, "a detector of objects (such as DETR or YOLO) (it has the tensor bbox_predictor.weight)")
}

// sparse writes a .safetensors file whose data are a hole, so that a model of gigabytes takes no space.
func sparse(t *testing.T, shapes map[string][]int) string {
	t.Helper()
	type entry struct {
		Type    string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header, at := map[string]entry{}, 0
	for name, shape := range shapes {
		end := at + 2*tensor.Size(shape)
		header[name] = entry{"BF16", shape, [2]int{at, end}}
		at = end
	}
	text, err := json.Marshal(header)
	expect.NoError(t, err)
	path := filepath.Join(t.TempDir(), "model.safetensors")
	expect.NoError(t, os.WriteFile(path, append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), 0o600))
	expect.NoError(t, os.Truncate(path, int64(8+len(text)+at)))
	return path
}

// giant is the shapes of a plain ViT of 5.4 billion parameters, with the sizes of DINOv3's 7B: width 4096, 40 blocks, an MLP of 8192.
func giant() map[string][]int {
	const d, mlp = 4096, 8192
	shapes := map[string][]int{
		"patch_embed.proj.weight": {d, 3, 16, 16}, "patch_embed.proj.bias": {d}, "cls_token": {1, 1, d}, "pos_embed": {1, 197, d}, "norm.weight": {d}, "norm.bias": {d},
	}
	for i := range 40 {
		for name, shape := range map[string][]int{
			"norm1.weight": {d}, "norm1.bias": {d}, "norm2.weight": {d}, "norm2.bias": {d}, "attn.qkv.weight": {3 * d, d}, "attn.qkv.bias": {3 * d},
			"attn.proj.weight": {d, d}, "attn.proj.bias": {d}, "mlp.fc1.weight": {mlp, d}, "mlp.fc1.bias": {mlp}, "mlp.fc2.weight": {d, mlp}, "mlp.fc2.bias": {d},
		} {
			shapes[fmt.Sprintf("blocks.%d.%s", i, name)] = shape
		}
	}
	return shapes
}

// TestTooLarge checks that a backbone larger than the available memory is refused from its header: at once, with the bytes that it needs
// and the bytes that there are, and without memory for its data.
func TestTooLarge(t *testing.T) {
	path := sparse(t, giant())
	parameters := 0
	for _, shape := range giant() {
		parameters += tensor.Size(shape)
	}
	need := fmt.Sprintf("its %d parameters take %d bytes (40.0 GiB) of memory", parameters, 2*4*parameters)
	expect.Memory(t, 1<<20, func() {
		_, err := backbone.Load(t.Context(), path, backbone.Options{Memory: 16 << 30})
		expect.Error(t, err, path, need, "17179869184 bytes (16.0 GiB) are available")
	})
	plain := writeSafetensors(t, timmNames())
	bytes := int64(0)
	for _, v := range timmNames() {
		bytes += 2 * 4 * int64(tensor.Size(v.Shape))
	}
	_, err := backbone.Load(t.Context(), plain, backbone.Options{Heads: 2, Memory: bytes})
	expect.NoError(t, err)
	_, err = backbone.Load(t.Context(), plain, backbone.Options{Heads: 2, Memory: bytes - 1})
	expect.Error(t, err, "are available")
}

// TestForeignBeforeReading checks that a file of another network is refused from its header, too, however large it is.
func TestForeignBeforeReading(t *testing.T) {
	path := sparse(t, map[string][]int{"model.diffusion_model.input_blocks.0.0.weight": {1 << 20, 1 << 12}, "first_stage_model.encoder.conv_in.weight": {1 << 20, 1 << 12}})
	expect.Memory(t, 1<<20, func() {
		_, err := backbone.Load(t.Context(), path, backbone.Options{})
		expect.Error(t, err, path, "diffusion model")
	})
}
