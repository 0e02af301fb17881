#!/usr/bin/env python3
"""Make what other libraries' names imply: graph/backbone/testdata/transformers.json and graph/backbone/vit/testdata/timm_names.json.

Needs torch, timm 1.0.31 and transformers 5.24.0. Usage: python scripts/make_config_vectors.py

transformers.json has the defaults of the configuration classes, which a config.json leaves out. timm_names.json has, for every
ViT that timm knows, the epsilon of its LayerNorms, the activation of its MLPs, its heads, its width and its depth, read from the
model itself (built without weights); "norm" is the class of the block's norms.
"""
import json
import pathlib
import re

import timm
import torch
from transformers import AutoConfig

ROOT = pathlib.Path(__file__).resolve().parent.parent / "graph" / "backbone"
TYPES = ["vit", "vit_mae", "vit_msn", "deit", "beit", "dinov2", "dinov2_with_registers", "dinov3_vit", "clip_vision_model", "siglip_vision_model", "siglip2_vision_model"]


def defaults(name):
    c = AutoConfig.for_model(name).to_dict()
    return {k: c[k] for k in ("num_attention_heads", "layer_norm_eps", "hidden_act", "num_register_tokens", "rope_theta") if k in c}


def write(path, rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items()) + "\n}\n")


def describe(name):
    with torch.device("meta"):
        model = timm.create_model(name)
    if not hasattr(model, "blocks"):
        return None
    block = model.blocks[0]
    norm, act = getattr(block, "norm1", None), getattr(getattr(block, "mlp", None), "act", None)
    activation = {"GELU": "gelu", "GELUTanh": "gelu_tanh", "QuickGELU": "quick_gelu", "SiLU": "swiglu"}.get(type(act).__name__)
    return {
        "norm": type(norm).__name__, "eps": getattr(norm, "eps", None), "activation": activation, "heads": getattr(getattr(block, "attn", None), "num_heads", None),
        "width": model.num_features, "depth": len(model.blocks), "class": type(model).__name__,
    }


write(ROOT / "testdata" / "transformers.json", {name: defaults(name) for name in TYPES})
names = [name for name in timm.list_models() if re.match(r"(vit|deit3?|eva02)_", name)]
write(ROOT / "vit" / "testdata" / "timm_names.json", {name: d for name in names if (d := describe(name))})
