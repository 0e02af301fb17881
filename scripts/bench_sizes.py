"""The backbones of `make bench`: their sizes, and where DTL acts in them."""
import dataclasses
import itertools
import math

IMAGE, CLASSES = 224, 100


@dataclasses.dataclass(frozen=True)
class Stage:
    """Consecutive blocks of the same width and number of tokens. A token attends to `reach` tokens, itself included."""
    blocks: int
    tokens: int
    width: int
    heads: int
    reach: int


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A backbone whose blocks are counted through all stages. The maps start in the first of the stages with the most blocks, the
    feedback halfway from there to the end: in ViT-B/16 and Swin-B that is where the official implementation has them."""
    family: str
    patch: int
    rank: int  # of the maps
    stages: tuple
    image: int = IMAGE
    layer_scale: bool = False
    description: str = ""  # what dtl-tf calls it, if not by the name in BACKBONES

    @property
    def depth(self):
        return sum(s.blocks for s in self.stages)

    @property
    def maps_from(self):
        counts = [s.blocks for s in self.stages]
        return sum(counts[:counts.index(max(counts))])

    @property
    def feedback_from(self):
        return (self.maps_from + self.depth) // 2

    @property
    def starts(self):
        """The first block of each stage."""
        return list(itertools.accumulate((s.blocks for s in self.stages[:-1]), initial=0))

    def blocks(self):
        """The stage of each block."""
        return [s for s in self.stages for _ in range(s.blocks)]

    def shifted(self, block):
        """Whether the block shifts its windows: every second block of a stage does, if the stage has several windows."""
        stage = self.blocks()[block]
        start = max(s for s in self.starts if s <= block)
        return (block - start) % 2 == 1 and stage.reach < stage.tokens

    def fused(self, precision):
        """Whether PyTorch's side uses fused attention; bench_torch.py says why."""
        return (self.family == "swin" or self.layer_scale) and precision == "fp32"

    @property
    def unit(self):
        """(tokens, width) of the first block with a map; their product is the unit in which activations are counted."""
        stage = self.blocks()[self.maps_from]
        return stage.tokens, stage.width


def vit(width, heads, image=IMAGE, patch=16, **more):
    tokens = (image // patch) ** 2 + 1
    return Backbone("vit", patch, 2, (Stage(12, tokens, width, heads, tokens),), image, **more)


def swin(width, blocks, heads, image=IMAGE, patch=4, rank=4, window=7):
    """Each stage has half the side and twice the width of the one before."""
    sides = [image // patch >> s for s in range(len(blocks))]
    stages = tuple(Stage(n, side ** 2, width << s, h, min(window, side) ** 2)
                   for s, (n, h, side) in enumerate(zip(blocks, heads, sides)))
    return Backbone("swin", patch, rank, stages, image)


BACKBONES = {
    "vit_b16": vit(768, 12),
    "vit_s16": vit(384, 6),
    "vit_ti16": vit(192, 3),
    "dinov2_b14": vit(768, 12, 518, 14, layer_scale=True),
    "dinov2_b14_224": vit(768, 12, 224, 14, layer_scale=True,
                          description="vit:image=224,patch=14,width=768,depth=12,heads=12,mlp=3072,layer-scale=yes"),
    "swin_t": swin(96, (2, 2, 6, 2), (3, 6, 12, 24)),
    "swin_s": swin(96, (2, 2, 18, 2), (3, 6, 12, 24)),
    "swin_b": swin(128, (2, 2, 18, 2), (4, 8, 16, 32)),
    "swin_l": swin(192, (2, 2, 18, 2), (6, 12, 24, 48)),
}
