package backbone

import (
	"fmt"
	"regexp"
	"slices"

	"dtl-tf/graph/tensor"
)

// foreign is a kind of network, or of file, that no family computes.
type foreign struct {
	names *regexp.Regexp // of its tensors
	alone bool           // only if the file has no patch embedding
	what  string
}

// foreigners are the networks whose files are taken for a vision backbone by mistake, those with the most telling names first.
// The names are those of Hugging Face transformers, diffusers and peft, of torchvision, of ultralytics, and of the original files.
var foreigners = []foreign{
	{regexp.MustCompile(`\.(SCB|absmax|quant_map|quant_state\..*|qweight|qzeros|weight_scale|weight_scale_inv)$`), false,
		"this is a quantised model (of bitsandbytes, GPTQ or the like): take the float32, float16 or bfloat16 file of the same model"},
	{regexp.MustCompile(`\.lora_(A|B|down|up)\.(default\.)?weight$|^lora_(unet|te\d?|vision)_|\.lora_magnitude_vector`), false,
		"these are LoRA weights of peft or diffusers: merge them into their model first (model.merge_and_unload() in peft), and save that"},
	{regexp.MustCompile(`\.adaLN_modulation\.|\.adaln_single\.|^(model\.diffusion_model\.)?(x_embedder|t_embedder|double_blocks|single_blocks|joint_blocks)\.|^transformer_blocks\.\d`), false, "this is a diffusion transformer (DiT), which makes images: it is no backbone for classification"},
	{regexp.MustCompile(`^(model\.diffusion_model\.|first_stage_model\.|cond_stage_model\.|conditioner\.)|^(down_blocks|up_blocks|input_blocks|output_blocks)\.\d|^time_embed(ding)?\.`), false, "this is a diffusion model (UNet), which makes images: it is no backbone for classification"},
	{regexp.MustCompile(`^(vae\.)?(encoder|decoder)\.(down_blocks|up_blocks|down|up|mid|mid_block)\.|(^|\.)(post_)?quant_conv\.`), false, "this is an autoencoder of images (VAE): it is no backbone for classification"},
	{regexp.MustCompile(`(^|\.)(class_embed|bbox_embed|bbox_predictor|class_labels_classifier|query_position_embeddings|detection_tokens)(\.|$)|(^|\.)(rpn|roi_heads)\.|\.dfl\.conv\.|^model\.\d+\.(m\.\d+\.|cv\d\.|conv\.|anchors$)`), false, "this is a detector of objects (such as DETR or YOLO)"},
	{regexp.MustCompile(`(^|\.)mask_decoder\.`), false, "this is a network for segmentation (SAM)"},
	{regexp.MustCompile(`(^|\.)(embed_tokens|word_embeddings|tok_embeddings|wte)\.weight$|(^|\.)lm_head\.`), false, "this is a language model, or has one in it"},
	{regexp.MustCompile(`(^|\.)(text_model\.|token_embedding\.weight$|transformer\.resblocks\.)`), true, "this is the text tower of a CLIP or SigLIP: take the file that has the vision tower, too"},
	{regexp.MustCompile(`(^|\.)(conv_layers|feature_extractor\.conv_layers)\.|^(model\.)?encoder\.conv1\.`), true, "this is a network for sound"},
	{regexp.MustCompile(`(^|\.)layer[1-4]\.\d+\.conv\d\.|^resnet\.|(^|\.)stages\.\d+\.(blocks|layers)\.\d+\.(conv_dw|dwconv|conv1|layer)\b|(^|\.)conv_stem\.|\.running_mean$`), true, "this is a convolutional network (such as a ResNet or a ConvNeXt)"},
}

// patchEmbedding matches the names of a ViT's patch embedding in all namings, or of the class token where those are too common.
var patchEmbedding = regexp.MustCompile(`(^|[./])(patch_embed\.proj|patch_embeddings?\.(projection\.)?(weight|bias)$|embedding/kernel|visual\.conv1|conv_proj\.weight$|class_embedding$)`)

func hasPatchEmbedding(m tensor.Map) bool {
	return slices.ContainsFunc(m.Names(), patchEmbedding.MatchString)
}

// foreignNetwork says what a file is if its tensors are those of another kind of network, "" if they are not. It is the reason
// only if reading them fails: a backbone may have such tensors, too. n has renamed them, nil if none has.
func foreignNetwork(m tensor.Map, n *Naming) string {
	names, vision := m.Names(), hasPatchEmbedding(m)
	for _, f := range foreigners {
		if i := slices.IndexFunc(names, f.names.MatchString); i >= 0 && !(f.alone && vision) {
			name := names[i]
			if n != nil {
				name = n.Name(name)
			}
			return fmt.Sprintf("%s (it has the tensor %.100s)", f.what, name)
		}
	}
	return ""
}
