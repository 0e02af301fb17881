#!/usr/bin/env python3
"""Make runner/data/testdata: small images of every kind and what Pillow decodes them to.

Needs numpy and Pillow 12.2 or 12.3. Since 12.2, Pillow resizes the height before the width if an image is more than 100 times
as tall as wide; since 13 it does so for many more images, which changes edges by up to 21 levels. Published results predate that.
Usage: python scripts/make_image_vectors.py [FOLDER]

Beside each image NAME.EXT there is NAME.EXT.expect: a line of JSON, then raw bytes, gzipped: the pixels of
Image.open(f).convert("RGB") as [H, W, 3] (for 16-bit greys the high byte), then for each S of "sizes" its bicubic resize to S x S as [S, S, 3].
Beside an image with an EXIF orientation there is NAME.EXT.upright, the same of ImageOps.exif_transpose, without sizes.
The images are computed from formulas and a fixed seed, so nobody holds rights to them.

With FOLDER, the parent of data sets in the VTAB-1k layout, real.json is written too: for a few of the images there, which
are not copied, the sha256 of the decoded pixels and every 499th value of the resize to 224 x 224.
"""
import base64
import gzip
import hashlib
import io
import json
import pathlib
import struct
import sys
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps

assert PIL.__version__.rsplit(".", 1)[0] in ("12.2", "12.3"), f"Pillow {PIL.__version__} resizes in another order: take 12.3"

OUT = pathlib.Path(__file__).resolve().parent.parent / "runner" / "data" / "testdata"
rng = np.random.default_rng(20240229)


def scene(h, w, channels, depth=8):
    """Gradients, a few edges and a little noise: [h, w, channels] integers of the given bit depth."""
    y, x = np.mgrid[0:h, 0:w]
    planes = []
    for c in range(channels):
        wave = 0.5 + 0.5 * np.sin(2 * np.pi * (x * (c + 1) / w + y * (c + 0.7) / h))
        wave[((x // 5 + y // 4 + c) % 4) == 0] *= 0.3
        planes.append(wave + rng.normal(0, 0.04, (h, w)))
    return np.rint(np.clip(np.stack(planes, -1), 0, 1) * (2**depth - 1)).astype(np.int64)


# --- PNG, written by hand because Pillow writes neither every depth nor Adam7 ---


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows(a, depth):
    """Unfiltered scan lines of a [h, w, c] array."""
    out = b""
    for row in a.reshape(a.shape[0], -1):
        if depth == 16:
            packed = row.astype(">u2").tobytes()
        else:
            bits = (row[:, None] >> np.arange(depth - 1, -1, -1)) & 1
            packed = np.packbits(bits.astype(np.uint8).ravel()).tobytes()
        out += b"\0" + packed
    return out


def png(a, depth, color_type, palette=None, transparency=None, adam7=False):
    h, w = a.shape[:2]
    if adam7:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        raw = b"".join(rows(a[y::dy, x::dx], depth) for y, x, dy, dx in passes if a[y::dy, x::dx].size)
    else:
        raw = rows(a, depth)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color_type, 0, 0, int(adam7)))
    if palette is not None:
        out += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    if transparency is not None:
        out += chunk(b"tRNS", transparency)
    return out + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def palette(n):
    return rng.integers(0, 256, (n, 3))


def save(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def without_adobe(data):
    """Cuts the APP14 segment out of a JPEG file."""
    i = data.index(b"\xff\xee")
    return data[:i] + data[i + 2 + struct.unpack(">H", data[i + 2 : i + 4])[0] :]


def with_adobe_transform(data, transform):
    i = data.index(b"Adobe")
    return data[: i + 11] + bytes([transform]) + data[i + 12 :]


def gif_on_larger_screen(data, w, h, left, top):
    """Puts a GIF's only frame at (left, top) of a w x h screen."""
    out = bytearray(data)
    struct.pack_into("<HH", out, 6, w, h)
    i = 13 + 3 * 2 ** ((out[10] & 7) + 1) if out[10] & 0x80 else 13
    while out[i] == 0x21:  # extensions: introducer, label, sub-blocks
        i += 2
        while out[i]:
            i += out[i] + 1
        i += 1
    assert out[i] == 0x2C
    struct.pack_into("<HH", out, i + 1, left, top)
    return bytes(out)


def images():
    H, W = 17, 23  # odd sizes, so that chroma blocks and packed rows are incomplete
    for depth in (1, 2, 4, 8, 16):
        yield f"grey{depth}.png", png(scene(H, W, 1, depth), depth, 0)
    for depth in (8, 16):
        yield f"grey_alpha{depth}.png", png(scene(H, W, 2, depth), depth, 4)
        yield f"rgb{depth}.png", png(scene(H, W, 3, depth), depth, 2)
        yield f"rgba{depth}.png", png(scene(H, W, 4, depth), depth, 6)
    for depth in (1, 2, 4, 8):
        n = min(2**depth, 200)
        index = scene(H, W, 1, depth) % n
        yield f"palette{depth}.png", png(index, depth, 3, palette(n))
    index = scene(H, W, 1, 4)
    yield "palette_alpha.png", png(index, 4, 3, palette(16), bytes(rng.integers(0, 256, 9).tolist()))
    yield "palette_one_clear.png", png(index, 4, 3, palette(16), b"\xff\xff\x00")
    yield "palette_short.png", png(index, 4, 3, palette(12))  # indices 12 to 15 have no colour
    g = scene(H, W, 1, 8)
    yield "grey_key.png", png(g, 8, 0, transparency=struct.pack(">H", int(g[3, 4, 0])))
    c = scene(H, W, 3, 8)
    yield "rgb_key.png", png(c, 8, 2, transparency=struct.pack(">HHH", *c[3, 4].tolist()))
    yield "rgb_adam7.png", png(scene(H, W, 3), 8, 2, adam7=True)
    yield "grey1_adam7.png", png(scene(H, W, 1, 1), 1, 0, adam7=True)
    yield "one_pixel.png", png(scene(1, 1, 3), 8, 2)
    yield "wide.png", png(scene(2, 90, 3), 8, 2)
    yield "same_size.png", png(scene(32, 32, 3), 8, 2)
    yield "tall.png", png(scene(140, 9, 3), 8, 2)
    yield "same_width.png", png(scene(21, 32, 3), 8, 2)

    rgb = Image.fromarray(scene(H, W, 3).astype(np.uint8))
    big = Image.fromarray(scene(67, 91, 3).astype(np.uint8))
    grey = Image.fromarray(scene(H, W, 1)[..., 0].astype(np.uint8))
    cmyk = Image.fromarray(scene(H, W, 4).astype(np.uint8), "CMYK")
    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        yield f"ycc{name}.jpg", save(rgb, "JPEG", quality=85, subsampling=sampling)
    yield "big420.jpg", save(big, "JPEG", quality=60, subsampling=2)
    yield "progressive.jpg", save(big, "JPEG", quality=75, progressive=True)
    yield "grey.jpg", save(grey, "JPEG", quality=90)
    yield "rgb.jpg", save(rgb, "JPEG", quality=90, keep_rgb=True)
    yield "cmyk.jpg", save(cmyk, "JPEG", quality=90)
    yield "cmyk_plain.jpg", without_adobe(save(cmyk, "JPEG", quality=90))
    yield "ycck.jpg", with_adobe_transform(save(cmyk, "JPEG", quality=90), 2)
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate by 90 degrees": ignored
    yield "exif_rotated.jpg", save(rgb, "JPEG", quality=90, exif=exif)
    yield "png_called.jpg", png(scene(H, W, 3), 8, 2)

    yield "rgb24.bmp", save(rgb, "BMP")
    yield "rgba32.bmp", save(Image.fromarray(scene(H, W, 4).astype(np.uint8), "RGBA"), "BMP")
    yield "grey8.bmp", save(grey, "BMP")
    yield "bit1.bmp", save(grey.convert("1"), "BMP")
    indexed = rgb.quantize(48)
    yield "palette8.bmp", save(indexed, "BMP")

    yield "palette.gif", save(indexed, "GIF")
    yield "grey.gif", save(grey, "GIF")
    yield "clear.gif", save(indexed, "GIF", transparency=int(np.asarray(indexed)[2, 2]))
    yield "animated.gif", save(indexed, "GIF", save_all=True, append_images=[rgb.rotate(180).quantize(48)])
    yield "offset.gif", gif_on_larger_screen(save(indexed, "GIF"), 31, 29, 5, 7)
    yield "offset_clear.gif", gif_on_larger_screen(save(indexed, "GIF", transparency=3), 31, 29, 5, 7)

    # 101 rows per column: the height is resized first; 100: it is not. Edges of 0 and 255 reveal the order.
    for h, w in ((505, 5), (500, 5), (3, 700), (1, 900)):
        edges = 255 * rng.integers(0, 2, (h, w, 3))
        yield f"strip{h}x{w}.png", png(edges, 8, 2)
    yield "strip900x1.png", png(scene(900, 1, 1), 8, 0)
    deep = scene(H, W, 1, 16)
    yield "grey_key16.png", png(deep, 16, 0, transparency=struct.pack(">H", int(deep[3, 4, 0])))
    yield "grey16_adam7.png", png(scene(H, W, 1, 16), 16, 0, adam7=True)
    yield "exif_big_endian.jpg", save(rgb, "JPEG", quality=90, exif=b"Exif\0\0" + tiff(">", 3))
    yield "exif.png", save(rgb, "PNG", exif=tiff("<", 8))
    upright = Image.Exif()
    upright[0x0112] = 1
    yield "exif_upright.jpg", save(rgb, "JPEG", quality=90, exif=upright)
    yield from webps(rgb, big)
    yield from tiffs(rgb, grey, cmyk, indexed)
    for orientation in range(1, 9):
        yield f"exif{orientation}.jpg", save(rgb, "JPEG", quality=90, exif=b"Exif\0\0" + tiff("<>"[orientation % 2], orientation))


def webps(rgb, big):
    rgba = Image.fromarray(scene(17, 23, 4).astype(np.uint8), "RGBA")
    even = Image.fromarray(scene(26, 40, 3).astype(np.uint8))
    yield "lossless.webp", save(rgb, "WEBP", lossless=True)
    yield "lossless_alpha.webp", save(rgba, "WEBP", lossless=True, exact=True)
    yield "lossless_palette.webp", save(rgb.quantize(9).convert("RGB"), "WEBP", lossless=True)
    yield "lossy.webp", save(rgb, "WEBP", quality=90)
    yield "lossy_alpha.webp", save(rgba, "WEBP", quality=70, exact=True)
    yield "lossy_even.webp", save(even, "WEBP", quality=95)
    yield "lossy_big.webp", save(big, "WEBP", quality=20)
    yield "lossy_column.webp", save(big.crop((0, 0, 1, 50)), "WEBP", quality=80)
    yield "lossy_row.webp", save(big.crop((0, 0, 50, 1)), "WEBP", quality=80)
    yield "exif.webp", save(even, "WEBP", quality=80, exif=tiff("<", 6))
    yield "animated.webp", save(rgb, "WEBP", quality=80, save_all=True, append_images=[rgb.rotate(180)])
    for name, options in (("offset", {"quality": 80}), ("offset_lossless", {"lossless": True})):
        yield f"{name}.webp", webp_on_canvas(save(rgb, "WEBP", **options)[12:], 23, 17, 40, 29, 6, 8)


def webp_on_canvas(chunks, w, h, canvas_w, canvas_h, left, top):
    """An animation of one frame, smaller than its canvas."""

    def chunk(name, body):
        return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)

    def number(n):
        return struct.pack("<I", n)[:3]

    out = chunk(b"VP8X", b"\x02\0\0\0" + number(canvas_w - 1) + number(canvas_h - 1)) + chunk(b"ANIM", b"\xff\x80\x40\xff\0\0")
    head = number(left // 2) + number(top // 2) + number(w - 1) + number(h - 1) + number(100) + b"\0"
    out = b"WEBP" + out + chunk(b"ANMF", head + chunks)
    return b"RIFF" + struct.pack("<I", len(out)) + out


def tiffs(rgb, grey, cmyk, indexed):
    H, W = 17, 23
    rgba = Image.fromarray(scene(H, W, 4).astype(np.uint8), "RGBA")
    bilevel = grey.point(lambda v: 255 * (v > 99)).convert("1")
    yield "rgb.tif", save(rgb, "TIFF")
    yield "lzw.tif", save(rgb, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
    yield "deflate.tif", save(rgb, "TIFF", compression="tiff_adobe_deflate")
    yield "packbits.tif", save(rgb.quantize(4).convert("RGB"), "TIFF", compression="packbits")
    yield "grey.tif", save(grey, "TIFF")
    yield "grey_alpha.tif", save(rgba.convert("LA"), "TIFF")
    yield "rgba.tif", save(rgba, "TIFF")
    yield "palette.tif", save(indexed, "TIFF")
    yield "cmyk.tif", save(cmyk, "TIFF")
    yield "bilevel.tif", save(bilevel, "TIFF")
    yield "group3.tif", save(bilevel, "TIFF", compression="group3")
    yield "group4.tif", save(bilevel, "TIFF", compression="group4")
    yield "group4_black.tif", save(bilevel, "TIFF", compression="group4", tiffinfo={262: 1})
    yield "pages.tif", save(rgb, "TIFF", save_all=True, append_images=[rgb.rotate(180)])
    yield "big_endian.tif", tiff_file(scene(H, W, 3), ">", 8, 2)
    yield "strips.tif", tiff_file(scene(H, W, 3), "<", 8, 2, rows=5)
    yield "strip_of_any_height.tif", tiff_file(scene(H, W, 3), "<", 8, 2, rows=2**32 - 1)
    yield "tiles.tif", tiff_file(scene(H, W, 3), "<", 8, 2, tile=16, compressed=True)
    yield "planes.tif", tiff_file(scene(H, W, 3), "<", 8, 2, planar=True, rows=7)
    yield "planes_tiles.tif", tiff_file(scene(H, W, 3), ">", 8, 2, planar=True, tile=16)
    for order, name in (("<", "little"), (">", "big")):
        yield f"rgb16_{name}.tif", tiff_file(scene(H, W, 3, 16), order, 16, 2)
        yield f"rgb16_{name}_differences.tif", tiff_file(scene(H, W, 3, 16), order, 16, 2, compressed=True, differences=True)
        yield f"grey16_{name}.tif", tiff_file(scene(H, W, 1, 16), order, 16, 1)
    yield "rgba16.tif", tiff_file(scene(H, W, 4, 16), "<", 16, 2, extra=2)
    yield "rgbx.tif", tiff_file(scene(H, W, 4), "<", 8, 2, extra=0)
    yield "premultiplied.tif", tiff_file(scene(H, W, 4), "<", 8, 2, extra=1)
    yield "grey2.tif", tiff_file(scene(H, W, 1, 2), "<", 2, 1)
    yield "grey4_white.tif", tiff_file(scene(H, W, 1, 4), "<", 4, 0)
    yield "grey8_white.tif", tiff_file(scene(H, W, 1), "<", 8, 0)
    yield "bilevel_white.tif", tiff_file(scene(H, W, 1, 1), "<", 1, 0)
    yield "bilevel_reversed.tif", tiff_file(scene(H, W, 1, 1), "<", 1, 1, reverse=True)
    yield "palette4.tif", tiff_file(scene(H, W, 1, 4), "<", 4, 3, palette=rng.integers(0, 65536, (3, 16)))
    for orientation in (6, 7):
        yield f"orientation{orientation}.tif", tiff_file(scene(H, W, 3), "<", 8, 2, orientation=orientation)


def tiff_file(
    a, order, bits, photometric, rows=None, tile=None, planar=False, compressed=False, differences=False, extra=None, reverse=False,
    palette=None, orientation=1,
):
    """A TIFF file written by hand, because Pillow writes few of its kinds."""
    h, w, samples = a.shape
    blocks = []
    for plane in [a[..., i : i + 1] for i in range(samples)] if planar else [a]:
        down, across = (tile, tile) if tile else (min(rows or h, h), w)
        padded = np.pad(plane, ((0, -h % down if tile else 0), (0, -w % across), (0, 0)))
        for y in range(0, h, down):
            for x in range(0, w, across):
                blocks.append(pack_samples(padded[y : y + down, x : x + across], order, bits, differences))
    if compressed:
        blocks = [zlib.compress(b) for b in blocks]
    if reverse:
        blocks = [np.packbits(np.unpackbits(np.frombuffer(b, np.uint8)), bitorder="little").tobytes() for b in blocks]
    fields = {256: w, 257: h, 258: [bits] * samples, 259: 8 if compressed else 1, 262: photometric, 266: 2 if reverse else 1}
    fields |= {274: orientation, 277: samples, 284: 2 if planar else 1, 317: 2 if differences else 1}
    if palette is not None:
        fields[320] = palette.ravel().tolist()
    if extra is not None:
        fields[338] = extra
    offsets, counts, data = [], [len(b) for b in blocks], b""
    for b in blocks:
        offsets.append(8 + len(data))
        data += b + b"\0" * (len(b) % 2)
    fields |= {322: tile, 323: tile, 324: offsets, 325: counts} if tile else {273: offsets, 278: rows or h, 279: counts}
    entries = b""
    for tag, values in sorted(fields.items()):
        values = values if isinstance(values, list) else [values]
        kind, code = ("I", 4) if tag in (273, 278, 279, 324, 325) else ("H", 3)
        raw = struct.pack(order + kind * len(values), *values)
        if len(raw) > 4:
            at, data = 8 + len(data), data + raw + b"\0" * (len(raw) % 2)
            raw = struct.pack(order + "I", at)
        entries += struct.pack(order + "HHI", tag, code, len(values)) + raw.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(data))
    return head + data + struct.pack(order + "H", len(fields)) + entries + b"\0\0\0\0"


def pack_samples(a, order, bits, differences):
    if differences:
        a = np.concatenate([a[:, :1], np.diff(a, axis=1)], axis=1) % 2**bits
    if bits == 16:
        return a.astype(order + "u2").tobytes()
    return b"".join(
        np.packbits(((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8).ravel()).tobytes() for row in a.reshape(len(a), -1)
    )


def tiff(order, orientation):
    """An EXIF block of one directory: the camera's maker, then the orientation."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    maker = struct.pack(order + "HHI4s", 0x010F, 2, 4, b"abc\0")
    return head + struct.pack(order + "IH", 8, 2) + maker + struct.pack(order + "HHIHHI", 0x0112, 3, 1, orientation, 0, 0)


def to_rgb(image):
    """Like convert("RGB"), except for 16-bit greys: Pillow clips them at 255; here they keep their high byte, as 16-bit colours do."""
    if image.mode.startswith("I;16") or image.mode == "I":
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    return image.convert("RGB")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for old in list(OUT.glob("*.expect")):
        old.unlink()
    for name, data in images():
        (OUT / name).write_bytes(data)
        image = to_rgb(Image.open(io.BytesIO(data)))
        sizes = [12, 32] if image.width < 60 else [32]
        if name.endswith((".webp", ".tif")) or name[:4] == "exif" and name[4:5].isdigit():
            sizes = []  # the others suffice
        resized = [image.resize((s, s), Image.Resampling.BICUBIC) for s in sizes]
        head = json.dumps({"height": image.height, "width": image.width, "sizes": sizes}).encode() + b"\n"
        body = b"".join(np.asarray(i).tobytes() for i in [image] + resized)
        (OUT / (name + ".expect")).write_bytes(gzip.compress(head + body, 9, mtime=0))
        if name.startswith("exif"):
            image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
            head = json.dumps({"height": image.height, "width": image.width}).encode() + b"\n"
            (OUT / (name + ".upright")).write_bytes(gzip.compress(head + np.asarray(image).tobytes(), 9, mtime=0))


def real(folder):
    out = []
    for data_set in sorted(p for p in folder.iterdir() if p.is_dir()):
        for line in (data_set / "test.txt").read_text().splitlines()[:20]:
            path = data_set / line.split()[0]
            image = Image.open(path).convert("RGB")
            resized = np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC)).ravel()
            out.append(
                {
                    "path": path.relative_to(folder).as_posix(),
                    "height": image.height,
                    "width": image.width,
                    "sha256": hashlib.sha256(np.asarray(image).tobytes()).hexdigest(),
                    "every": 499,
                    "resized": base64.b64encode(resized[::499].tobytes()).decode(),
                }
            )
    (OUT / "real.json").write_text("[\n" + ",\n".join(json.dumps(o) for o in out) + "\n]\n")


if __name__ == "__main__":
    main()
    if len(sys.argv) > 1:
        real(pathlib.Path(sys.argv[1]))
