#!/usr/bin/env python3
"""Make graph/backbone/vit/naming/testdata: small ViTs with random weights in the names of several libraries.

Needs torch 2.15.0, timm 1.0.31, transformers 5.24.0, open_clip_torch 3.3.0 and torchvision 0.29.2. Usage: python scripts/make_naming_vectors.py

CASE.safetensors: the tensors of a network under the names of its library, in float16 (random values that it holds exactly). Those of
transformers are written by save_pretrained; CASE_modules has the names of transformers 5's own modules.
timm.json: by case, the shape of each tensor and the first 16 digits of the SHA-256 of its float32 bytes, under timm's names. For the
original repositories and OpenCLIP they are the result of timm's checkpoint_filter_fn, for other libraries the tensors of a timm network
whose outputs are the library's, which this script checks in float64.
expected.safetensors: CASE/class, the class token after the last norm [2, d]; CASE/patches, the patches after it [2, N, d]; where the
library computes them, CASE/pooled [2, d] (attention pooling) and CASE/logits [2, C] of its classifier or projection. They are computed in
float64 by the library itself, or by timm for the original repositories, from the images of image().
"""
import functools
import hashlib
import json
import pathlib
import re
import tempfile

import numpy as np
import timm.models.beit as beit
import timm.models.eva as eva
import timm.models.vision_transformer as vit
import torch
import torchvision
import transformers as hf
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from safetensors.torch import load_file, save_file
from timm.layers import QuickGELU, SwiGLUPacked
from timm.models.deit import VisionTransformerDistilled

OUT = pathlib.Path(__file__).resolve().parent.parent / "graph" / "backbone" / "vit" / "naming" / "testdata"
D, DEPTH, HEADS, MLP, PATCH, SIDE, CLASSES = 24, 2, 2, 48, 4, 16, 5
HUB = dict(hidden_size=D, num_hidden_layers=DEPTH, num_attention_heads=HEADS, patch_size=PATCH, image_size=SIDE)
TEXT = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, vocab_size=4, max_position_embeddings=4, bos_token_id=0, eos_token_id=1, pad_token_id=1)
TIMM = dict(img_size=SIDE, patch_size=PATCH, embed_dim=D, depth=DEPTH, num_heads=HEADS, mlp_ratio=MLP / D, num_classes=0)
gelu_tanh = functools.partial(torch.nn.GELU, approximate="tanh")
hashes, outputs = {}, {}


def norm(eps):
    return functools.partial(torch.nn.LayerNorm, eps=eps)


def image():
    """The two images [2, 3, S, S] of formulaImages in graph/backbone/vit/logits_test.go, normalised with 0.5."""
    i, y, x, c = np.meshgrid(np.arange(2), np.arange(SIDE), np.arange(SIDE), np.arange(3), indexing="ij")
    v = x * (3 + c) * (1 - i) + y * (1 + 2 * c) + x * y // (16 << i) + 40 * c
    return torch.from_numpy((v % 256) / 255.0 * 2 - 1).permute(0, 3, 1, 2)


def randomise(model, seed):
    """Fills parameters with values that float16 holds exactly."""
    g = torch.Generator().manual_seed(seed)
    for name, p in sorted(model.named_parameters()):
        scale = 1.0 if re.search(r"(norm|ln)[^.]*\.weight$|layernorm|gamma|lambda", name) and p.dim() == 1 and not name.endswith("bias") else 0.0
        with torch.no_grad():
            p.copy_((scale + 0.15 * torch.randn(p.shape, generator=g)).half().float())
    return model.eval()


def write(case, tensors):
    save_file({n: (t.half() if t.is_floating_point() else t).contiguous().clone() for n, t in tensors.items()}, OUT / f"{case}.safetensors")


def record(case, state):
    """Hashes the tensors in timm's names."""
    hashes[case] = {n: [list(t.shape), hashlib.sha256(t.float().contiguous().numpy().tobytes()).hexdigest()[:16]] for n, t in sorted(state.items())}


def expect(case, **values):
    for name, v in values.items():
        if v is not None:
            outputs[f"{case}/{name}"] = v.detach().float().contiguous()


def tokens_of(model, prefix):
    """The outputs of a timm network: class token and patches after the last norm."""
    tokens = model.double().forward_features(image())
    return dict(**({"class": tokens[:, 0]} if prefix else {}), patches=tokens[:, prefix:])


def saved(model):
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return load_file(f"{folder}/model.safetensors")


# From the modules' names of transformers 5 to timm's.
RULES = [
    (r"^(vit|deit|dinov2|dinov2_with_registers|beit|vision_model)\.", ""), (r"^embeddings\.(cls_token|class_embedding)$", "cls_token"),
    (r"^embeddings\.distillation_token$", "dist_token"), (r"^embeddings\.register_tokens$", "reg_token"),
    (r"^embeddings\.position_embeddings?(\.weight)?$", "pos_embed"), (r"^embeddings\.patch_embeddings?(\.projection)?\.", "patch_embed.proj."),
    (r"^head\.probe$", "attn_pool.latent"), (r"^head\.attention\.out_proj", "attn_pool.proj"), (r"^head\.layernorm", "attn_pool.norm"), (r"^head\.mlp", "attn_pool.mlp"),
    (r"^(encoder\.layers?|layers|model\.layer)\.", "blocks."), (r"layernorm_before|layer_norm1", "norm1"), (r"layernorm_after|layer_norm2", "norm2"),
    (r"\.(attention|self_attn)\.(o|out)_proj", ".attn.proj"), (r"^(layernorm|post_layernorm)\.", "norm."), (r"^pre_layrnorm", "norm_pre"),
    (r"^pooler\.layernorm", "fc_norm"), (r"^(classifier|cls_classifier|visual_projection)\.", "head."), (r"^distillation_classifier", "head_dist"),
    (r"\.relative_position_bias\.rel", ".attn.rel"), (r"^shared_position_bias", "rel_pos_bias"), (r"lambda_", "gamma_"),
]


def to_timm(state, dinov3=False):
    out = {}
    for name, t in state.items():
        if re.search(r"mask_token|^decoder|^text|^logit|lm_head|^pooler\.dense", name):
            continue
        for pattern, to in RULES:
            name = re.sub(pattern, to, name)
        scale = r"gamma_\1" if dinov3 else r"ls\1.gamma"
        name = re.sub(r"layer_scale([12])\.lambda1", scale, name)
        gated = any("gate_proj" in n for n in state)
        if dinov3:
            name = name.replace("gate_proj", "fc1_g").replace("up_proj", "fc1_x" if gated else "fc1").replace("down_proj", "fc2")
        else:
            name = name.replace("down_proj", "fc2")
        out[name] = t
    for i in range(DEPTH):
        for kind in ("weight", "bias"):
            name = lambda p: next((n for n in out if re.fullmatch(rf"blocks\.{i}\.(attention|self_attn)\.{p}_proj\.{kind}", n)), None)
            q, k, v = (out.pop(name(p)) if name(p) else None for p in "qkv")
            if k is None and q is not None:
                out[f"blocks.{i}.attn.q_bias"], out[f"blocks.{i}.attn.v_bias"] = q, v
            elif q is not None:
                out[f"blocks.{i}.attn.qkv.{kind}"] = torch.cat([q, k, v])
            if f"blocks.{i}.mlp.gate_proj.{kind}" in out:
                out[f"blocks.{i}.mlp.fc1.{kind}"] = torch.cat([out.pop(f"blocks.{i}.mlp.{p}_proj.{kind}") for p in ("gate", "up")])
    for kind in ("weight", "bias"):
        if (t := out.pop(f"head.attention.in_proj_{kind}", None)) is not None:
            out[f"attn_pool.q.{kind}"], out[f"attn_pool.kv.{kind}"] = t[:D], t[D:]
    if "reg_token" in out and "pos_embed" in out:
        out["cls_token"] = out["cls_token"] + out["pos_embed"][:, :1]
        out["pos_embed"] = out["pos_embed"][:, 1:]
    if "pos_embed" in out and out["pos_embed"].dim() == 2:
        out["pos_embed"] = out["pos_embed"][None]
    if out.get("cls_token", torch.zeros(1, 1, 1)).dim() == 1:
        out["cls_token"] = out["cls_token"][None, None]
    if out["patch_embed.proj.weight"].dim() == 2:  # SigLIP2 NaFlex
        out["patch_embed.proj.weight"] = out["patch_embed.proj.weight"].reshape(D, PATCH, PATCH, 3).permute(0, 3, 1, 2)
    if "head.weight" in out and "head.bias" not in out:
        out["head.bias"] = torch.zeros(len(out["head.weight"]))
    return out


def hub(case, model, network, prefix, *, dinov3=False, modules=False, forward=None, inner=None):
    """A network of transformers, and the timm network that computes the same."""
    model = randomise(model, len(hashes))
    write(case, saved(model))
    state = to_timm({n: t.float() for n, t in model.state_dict().items()}, dinov3)
    record(case, state)
    if modules:
        write(case + "_modules", model.state_dict())
        record(case + "_modules", state)
    missing, unexpected = network.load_state_dict(state, strict=False)
    assert not [n for n in missing if "relative_position_index" not in n and "k_bias" not in n], missing
    assert not [n for n in unexpected if not n.startswith("head")], unexpected
    with torch.no_grad():
        model.double()
        out = (inner(model) if inner else getattr(model, model.base_model_prefix, model))(**(forward or dict(pixel_values=image())))
        tokens = out.last_hidden_state
        if hasattr(network, "norm_pre") and not isinstance(network.norm_pre, torch.nn.Identity):  # CLIP normalises the class token only
            tower = inner(model) if inner else model
            tokens = tower.post_layernorm(tokens)
        got = tokens_of(network, prefix)
        want = dict(**({"class": tokens[:, 0]} if prefix else {}), patches=tokens[:, prefix:])
        for name, v in want.items():
            off = (got[name] - v).abs().max().item()
            print(f"{case}: {name} off by {off:.1e}")
            assert off < 1e-7, (case, name)  # rotary angles are float32
        pooled = out.pooler_output if "attn_pool.latent" in state else None
        if pooled is not None:
            assert (network.forward_head(network.forward_features(image()), pre_logits=True) - pooled).abs().max() < 1e-9
        logits = model(**(forward or dict(pixel_values=image()))).logits if type(model).__name__.endswith(("ImageClassification", "WithTeacher")) else None
        if type(model).__name__ in ("CLIPModel", "CLIPVisionModelWithProjection"):
            logits = model.visual_projection(out.pooler_output)
    for suffix in ("", "_modules") if modules else ("",):
        expect(case + suffix, **want, pooled=pooled, logits=logits)


def plain(eps=1e-12, cls=vit.VisionTransformer, **more):
    return cls(**TIMM | dict(norm_layer=norm(eps)) | more).eval()


def eva_net(**more):
    return eva.Eva(**dict(TIMM, qkv_bias=True, init_values=1.0, rope_type="dinov3", rope_temperature=100, rope_rotate_half=True, use_rot_pos_emb=True, use_abs_pos_emb=False,
                          use_fc_norm=False, global_pool="token", norm_layer=norm(1e-5), **more)).eval()


def transformers_cases():
    kw = dict(HUB, intermediate_size=MLP)
    hub("hf_vit", hf.ViTForImageClassification(hf.ViTConfig(**kw, num_labels=CLASSES)), plain(), 1, modules=True)
    hub("hf_vit_model", hf.ViTModel(hf.ViTConfig(**kw)), plain(), 1)
    hub("hf_deit", hf.DeiTForImageClassificationWithTeacher(hf.DeiTConfig(**kw, num_labels=CLASSES)), plain(cls=VisionTransformerDistilled), 2)
    hub("hf_mae", hf.ViTMAEForPreTraining(hf.ViTMAEConfig(**kw, mask_ratio=0.0, decoder_hidden_size=8, decoder_num_hidden_layers=1, decoder_num_attention_heads=2, decoder_intermediate_size=8)),
        plain(), 1, forward=dict(pixel_values=image(), noise=torch.arange(16.0).repeat(2, 1)))
    two = dict(HUB, mlp_ratio=MLP // D)
    hub("hf_dinov2", hf.Dinov2ForImageClassification(hf.Dinov2Config(**two, num_labels=CLASSES)), plain(1e-6, init_values=1.0), 1, modules=True)
    glu = dict(mlp_layer=SwiGLUPacked, act_layer=torch.nn.SiLU)
    hub("hf_dinov2_swiglu", hf.Dinov2Model(hf.Dinov2Config(**two, use_swiglu_ffn=True)), plain(1e-6, init_values=1.0, mlp_ratio=64 / D + 1e-6, **glu), 1, modules=True)
    hub("hf_dinov2_registers", hf.Dinov2WithRegistersForImageClassification(hf.Dinov2WithRegistersConfig(**two, num_labels=CLASSES)),
        plain(1e-6, init_values=1.0, reg_tokens=4, no_embed_class=True), 5)
    hub("hf_dinov3", hf.DINOv3ViTModel(hf.DINOv3ViTConfig(**kw, num_register_tokens=4)), eva_net(num_reg_tokens=4), 5, dinov3=True, modules=True, inner=lambda m: m)
    hub("hf_dinov3_gated", hf.DINOv3ViTModel(hf.DINOv3ViTConfig(**kw, num_register_tokens=4, use_gated_mlp=True, hidden_act="silu")), eva_net(num_reg_tokens=4, swiglu_mlp=True, swiglu_align_to=8), 5, dinov3=True, inner=lambda m: m)
    hub("hf_clip", hf.CLIPModel(hf.CLIPConfig(text_config=TEXT, vision_config=kw, projection_dim=12)),
        vit.VisionTransformer(**dict(TIMM, num_classes=12, pre_norm=True, act_layer=QuickGELU, norm_layer=norm(1e-5))).eval(), 1, inner=lambda m: m.vision_model)
    hub("hf_clip_vision", hf.CLIPVisionModel(hf.CLIPVisionConfig(**kw)), plain(1e-5, pre_norm=True, act_layer=QuickGELU), 1, inner=lambda m: m)
    siglip = dict(class_token=False, global_pool="map", act_layer=gelu_tanh)
    hub("hf_siglip", hf.SiglipModel(hf.SiglipConfig(text_config=TEXT, vision_config=kw)), plain(1e-6, **siglip), 0, inner=lambda m: m.vision_model)
    hub("hf_siglip_vision", hf.SiglipVisionModel(hf.SiglipVisionConfig(**kw)), plain(1e-6, **siglip), 0, inner=lambda m: m)
    patches = image().reshape(2, 3, 4, PATCH, 4, PATCH).permute(0, 2, 4, 3, 5, 1).reshape(2, 16, -1)
    naflex = dict(pixel_values=patches, pixel_attention_mask=torch.ones(2, 16, dtype=torch.int64), spatial_shapes=torch.tensor([[4, 4]] * 2))
    config = {n: v for n, v in kw.items() if n != "image_size"}
    hub("hf_siglip2_naflex", hf.Siglip2VisionModel(hf.Siglip2VisionConfig(**config, num_patches=16)), plain(1e-6, **siglip), 0, inner=lambda m: m, forward=naflex)
    hub("hf_beit", hf.BeitForImageClassification(hf.BeitConfig(**kw, num_labels=CLASSES, use_relative_position_bias=True, layer_scale_init_value=1.0)),
        beit.Beit(**dict(TIMM, use_abs_pos_emb=False, use_rel_pos_bias=True, init_values=1.0, norm_layer=norm(1e-12))).eval(), 1, modules=True)


def original(case, network, foreign, filtered, prefix, extra=None):
    """Tensors of an original repository; filtered is the timm filter's result for them."""
    write(case, {**foreign, **(extra or {})})
    network.load_state_dict({n: t for n, t in filtered.items() if n in network.state_dict()}, strict=False)
    record(case, filtered)
    with torch.no_grad():
        expect(case, **tokens_of(network, prefix))


def originals():
    g = torch.Generator().manual_seed(7)
    rand = lambda *shape: (0.15 * torch.randn(*shape, generator=g)).half().float()
    swap = lambda state, *pairs: {functools.reduce(lambda n, p: re.sub(p[0], p[1], n), pairs, n): t.clone() for n, t in state.items()}
    glu = dict(mlp_layer=SwiGLUPacked, act_layer=torch.nn.SiLU)
    for case, more, pairs in [
        ("dinov2", {}, []), ("dinov2_registers", dict(reg_tokens=4, no_embed_class=True), [("reg_token", "register_tokens")]),
        ("dinov2_swiglu", glu, [(r"mlp\.fc1", "mlp.w12"), (r"mlp\.fc2", "mlp.w3")]), ("dinov2_chunked", {}, [(r"blocks\.(\d)\.", r"blocks.\1.\1.")]),
    ]:
        network = randomise(plain(1e-6, init_values=1.0, **more), 20 + len(case))
        foreign = swap(network.state_dict(), *pairs) | dict(mask_token=rand(1, D))
        if more.get("reg_tokens"):
            foreign["pos_embed"] = rand(1, 17, D)
        straight = swap(foreign, (r"blocks\.\d\.(\d)\.", r"blocks.\1."))  # timm's filter reads no chunks
        original(case, network, foreign, vit.checkpoint_filter_fn(dict(straight), network), 5 if "reg" in case else 1)
    for case, swiglu in [("dinov3", False), ("dinov3_swiglu", True)]:
        network = randomise(eva_net(num_reg_tokens=4, swiglu_mlp=swiglu, swiglu_align_to=8 if swiglu else 0), 40 + swiglu)
        foreign = swap(network.state_dict(), (r"gamma_([12])", r"ls\1.gamma"), ("reg_token", "storage_tokens"), (r"mlp\.fc1_g", "mlp.w1"), (r"mlp\.fc1_x", "mlp.w2"),
                       *([(r"mlp\.fc2", "mlp.w3")] if swiglu else []))
        for i in range(DEPTH):
            q, v = foreign.pop(f"blocks.{i}.attn.q_bias"), foreign.pop(f"blocks.{i}.attn.v_bias")
            foreign.pop(f"blocks.{i}.attn.k_bias", None)
            foreign[f"blocks.{i}.attn.qkv.bias"] = torch.cat([q, rand(D), v])
            foreign[f"blocks.{i}.attn.qkv.bias_mask"] = torch.cat([torch.ones(D), torch.full((D,), float("nan") if swiglu else 0.0), torch.ones(D)])
        foreign |= {"mask_token": rand(1, D), "rope_embed.periods": rand(3), "local_cls_norm.weight": rand(D), "local_cls_norm.bias": rand(D)}
        foreign = {n: t for n, t in foreign.items() if n.startswith("rope_embed") or "rope" not in n}
        original(case, network, foreign, eva.checkpoint_filter_fn(dict(foreign), network), 5)

    network = randomise(plain(1e-6, init_values=1.0, no_embed_class=True), 50)
    foreign = swap(network.state_dict(), (r"ls([12])\.gamma", r"gamma_\1"))
    original("deit3", network, foreign, vit.checkpoint_filter_fn(dict(foreign), network, adapt_layer_scale=True), 1)
    network = randomise(plain(1e-6), 51)
    state = {n: t.clone() for n, t in network.state_dict().items()}
    decoder = {"mask_token": rand(1, 1, 8), "decoder_embed.weight": rand(8, D), "decoder_pos_embed": rand(1, 17, 8), "decoder_blocks.0.norm1.weight": rand(8), "decoder_norm.bias": rand(8),
               "decoder_pred.weight": rand(48, 8)}
    original("mae", network, state, state, 1, decoder)

    tower = CLIPVisionCfg(layers=DEPTH, width=D, head_width=D // HEADS, patch_size=PATCH, image_size=SIDE, mlp_ratio=MLP / D)
    archive = {n: torch.tensor(v) for n, v in dict(input_resolution=SIDE, context_length=4, vocab_size=4).items()}  # in OpenAI's files only
    for case, act, extra in [("openclip", torch.nn.GELU, {}), ("openai_clip", QuickGELU, archive)]:
        clip = randomise(CLIP(12, tower, CLIPTextCfg(context_length=4, vocab_size=4, width=8, heads=2, layers=1), quick_gelu=act is QuickGELU), 60)
        network = vit.VisionTransformer(**TIMM | dict(num_classes=12, pre_norm=True, act_layer=act, norm_layer=norm(1e-5))).eval()
        foreign = {n: t.clone() for n, t in clip.state_dict().items()}
        original(case, network, foreign, vit.checkpoint_filter_fn(dict(foreign), network), 1, extra)
        with torch.no_grad():
            logits = clip.double().encode_image(image(), normalize=False)
            off = (network.double()(image()) - logits).abs().max().item()
        print(f"{case}: projection off by {off:.1e}")
        assert off < 1e-9
        expect(case, logits=logits)

    model = randomise(torchvision.models.VisionTransformer(SIDE, PATCH, DEPTH, HEADS, D, MLP, num_classes=CLASSES), 70)
    swaps = [("class_token", "cls_token"), ("conv_proj", "patch_embed.proj"), (r"encoder\.pos_embedding", "pos_embed"), (r"encoder\.layers\.encoder_layer_", "blocks."), (r"encoder\.ln", "norm"),
             (r"\.ln_", ".norm"), (r"self_attention\.in_proj_", "attn.qkv."), (r"self_attention\.out_proj", "attn.proj"), (r"mlp\.0", "mlp.fc1"), (r"mlp\.3", "mlp.fc2"), (r"heads\.head", "head")]
    network = vit.VisionTransformer(**dict(TIMM, num_classes=CLASSES, norm_layer=norm(1e-6))).eval()
    state = {n: t.clone() for n, t in model.state_dict().items()}
    original("torchvision", network, state, swap(state, *swaps), 1)
    with torch.no_grad():
        logits = model.double()(image())
        assert (network.double()(image()) - logits).abs().max() < 1e-9
    expect("torchvision", logits=logits)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    transformers_cases()
    originals()
    (OUT / "timm.json").write_text(json.dumps(hashes, indent=0).replace(",\n", ", ").replace("[\n", "[").replace("\n]", "]") + "\n")
    save_file(outputs, OUT / "expected.safetensors")


if __name__ == "__main__":
    main()
