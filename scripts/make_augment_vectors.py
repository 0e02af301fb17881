"""Writes the expected values of the tests in runner/data/augment and of the crop in runner/data: what timm 1.0.31 and
Pillow 12.3.0 (with numpy, torch 2.15.0 and torchvision 0.29.2) make of images that a formula draws.

    python3 scripts/make_augment_vectors.py runner/data/augment/testdata runner/data/testdata

A file is gzip: a line of JSON, then the bytes that it describes, in order.
"""
import gzip, hashlib, json, random, sys
from unittest import mock

import numpy as np
import PIL
import timm
import torchvision.transforms.functional as F
from PIL import Image
from timm.data import auto_augment as aa
from timm.data import mixup
from timm.data.random_erasing import RandomErasing
from timm.data.transforms import RandomResizedCropAndInterpolation

assert PIL.__version__ == "12.3.0" and timm.__version__ == "1.0.31", (PIL.__version__, timm.__version__)
FILL, SIGNED = (10, 128, 250), ("Rotate", "Shear", "Translate", "Increasing")


def draw(height, width, kind):
    """The images of the tests. Go's image() in vector_test.go draws the same."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    noise = (x * 73 + y * 151 + c * 29 + x * y * 17) * 2654435761 % 2**32 >> 24
    if kind == "flat":  # little contrast and few values
        return (90 + (noise >> 6) * 9 + x * 2 + c * 10).astype(np.uint8)
    return ((x * 255 // max(width - 1, 1) + y * 3 + c * 60 + (noise >> 2)) % 256).astype(np.uint8)


def write(path, head, arrays):
    with open(path, "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", mtime=0, filename="") as z:
        z.write(json.dumps(head).encode() + b"\n" + b"".join(arrays))


def apply(name, magnitude, negate, array):
    op = aa.AugmentOp(name, prob=1.0, magnitude=magnitude,
                      hparams=dict(img_mean=FILL, interpolation=Image.BICUBIC, magnitude_max=100))
    with mock.patch.object(aa.random, "random", lambda: 0.9 if negate else 0.1):
        args = op.level_fn(magnitude, op.hparams) if op.level_fn else ()
        return (args or (0,))[0], np.asarray(op(Image.fromarray(array)))


def operations(folder):
    cases, outputs = [], []
    used = {n for s in (aa._RAND_TRANSFORMS, aa._RAND_INCREASING_TRANSFORMS, aa._RAND_3A, aa._RAND_WEIGHTED_3A, aa._RAND_WEIGHTED_0) for n in s}
    images = [(11, 13, "noise"), (12, 12, "flat"), (1, 2, "noise"), (224, 224, "noise"), (64, 50, "flat")]
    for name in sorted(used):
        for magnitude in (0, 2.3, 5, 9, 10, 30):
            for negate in (False, True) if any(s in name for s in SIGNED) else (False,):
                for height, width, kind in images:
                    argument, out = apply(name, magnitude, negate, draw(height, width, kind))
                    case = dict(name=name, magnitude=magnitude, negate=negate, argument=float(argument), height=height, width=width, kind=kind)
                    if out.size > 500:
                        case["sha256"] = hashlib.sha256(out.tobytes()).hexdigest()
                    else:
                        outputs.append(out.tobytes())
                    cases.append(case)
    write(f"{folder}/operations.gz", dict(fill=FILL, cases=cases), outputs)


def mixing(folder):
    cases, outputs = [], []
    for size, batch, alpha, beta, seed in ((8, 4, 0.2, 0, 1), (8, 3, 1, 0, 2), (8, 5, 0, 1, 3), (9, 2, 0, 1, 4), (8, 2, 0, 0.5, 9)):
        m = mixup.FastCollateMixup(alpha, beta, label_smoothing=0.1, num_classes=5)
        np.random.seed(seed)
        lam0, cut = m._params_per_batch()
        box, lam = (0, 0, 0, 0), lam0
        if cut:
            box, lam = mixup.cutmix_bbox_and_lam((batch, 3, size, size), lam0)
        np.random.seed(seed)
        images = [draw(size + i, size, "noise")[i:] for i in range(batch)]
        out = np.zeros((batch, 3, size, size), np.uint8)
        import torch
        out = torch.from_numpy(out)
        got = m._mix_batch_collate(out, [(i.transpose(2, 0, 1).copy(), 0) for i in images])
        assert float(got) == float(lam)
        labels = [(3 * i) % 5 for i in range(batch)]
        target = mixup.mixup_target(torch.tensor(labels), 5, lam, 0.1)
        cases.append(dict(size=size, batch=batch, box=[int(v) for v in box], mix=float(lam), labels=labels, targets=[float(v) for v in target.flatten()]))
        outputs.append(out.numpy().transpose(0, 2, 3, 1).tobytes())
    write(f"{folder}/mixing.gz", dict(cases=cases), outputs)


def moments(rows):
    rows = np.array(rows, float)
    return dict(mean=rows.mean(0).tolist(), deviation=rows.std(0).tolist())


def draws(folder):
    """Means and deviations of what timm draws at random: top, left, height, width and area of boxes, and lambda."""
    random.seed(0)
    np.random.seed(0)
    n, cases = 200_000, []
    for height, width, scale, ratio in ((64, 64, (0.08, 1), (3 / 4, 4 / 3)), (40, 100, (0.08, 1), (3 / 4, 4 / 3)), (30, 20, (0.5, 0.9), (0.5, 1))):
        t = RandomResizedCropAndInterpolation(16, scale, ratio)
        image = Image.new("RGB", (width, height))
        boxes = [t.get_params(image, scale, ratio) for _ in range(n)]
        boxes = [(i, j, h, w, h * w) for i, j, h, w in boxes]
        cases.append(dict(kind="crop", height=height, width=width, range=[*scale, *ratio], **moments(boxes)))
    erased = []
    import torch
    t = RandomErasing(probability=1, device="cpu")
    for _ in range(n // 10):
        image = torch.ones(1, 48, 48)
        t(image)
        ys, xs = np.where(image[0].numpy() == 0)
        erased.append((ys.min(), xs.min(), np.ptp(ys) + 1, np.ptp(xs) + 1, len(ys)))
    cases.append(dict(kind="erase", height=48, width=48, **moments(erased)))
    cut = []
    for _ in range(n // 4):
        (yl, yh, xl, xh), lam = mixup.cutmix_bbox_and_lam((2, 3, 32, 32), np.random.beta(1, 1))
        cut.append((yl, xl, yh - yl, xh - xl, (yh - yl) * (xh - xl)))
    cases.append(dict(kind="cut", height=32, width=32, **moments(cut)))
    json.dump(cases, open(f"{folder}/draws.json", "w"), indent=1)


def crops(folder):
    cases, outputs = [], []
    image = draw(40, 60, "noise")
    for box in ((0, 0, 40, 60), (3, 5, 30, 21), (39, 59, 1, 1), (10, 0, 7, 50), (1, 2, 16, 16)):
        cases.append(dict(box=box, size=16))
        outputs.append(np.asarray(F.resized_crop(Image.fromarray(image), *box, [16, 16], F.InterpolationMode.BICUBIC)).tobytes())
    for resize, crop in ((20, 16), (17, 16), (19, 16), (64, 56)):
        out = F.center_crop(F.resize(Image.fromarray(image), [resize, resize], F.InterpolationMode.BICUBIC), [crop, crop])
        cases.append(dict(resize=resize, size=crop))
        outputs.append(np.asarray(out).tobytes())
    write(f"{folder}/crops.gz", dict(height=40, width=60, cases=cases), outputs)


operations(sys.argv[1])
mixing(sys.argv[1])
draws(sys.argv[1])
crops(sys.argv[2])
