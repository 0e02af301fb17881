"""Tables and plots of growth.json; bench_growth.py draw calls it."""
import math

LABELS = {"batch": "images of a step", "image": "side of an image, pixels", "patch14": "side of an image, pixels", "depth": "blocks", "width": "parameters, millions"}
COLOURS = {"full": "#404040", "lora": "#4c8bc4", "dtl": "#b01c1c"}
INK, FAINT = "#202020", "#e4e4e4"


def total(p):
    return p["weights"] + p["optimizer"] + p["peak"] + p["input"]


def tokens(p):
    patch = 14 if "14" in p["rung"].split("/")[1] else 16
    return (p["image"] // patch) ** 2 + 1


def along(name, p):
    """The number on the horizontal axis."""
    return p["parameters"] / 1e6 if name == "width" else p["x"]


def slope(xs, ys):
    """The exponent e of y = c x^e by least squares in logarithms, and the largest ratio of a point to the fit."""
    lx, ly = [math.log(x) for x in xs], [math.log(y) for y in ys]
    mx, my = sum(lx) / len(lx), sum(ly) / len(ly)
    e = sum((a - mx) * (b - my) for a, b in zip(lx, ly)) / sum((a - mx) ** 2 for a in lx)
    return e, math.exp(max(abs(b - my - e * (a - mx)) for a, b in zip(lx, ly)))


def ticks(low, high):
    found = [m * 10 ** k for k in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1) for m in (1, 2, 5)]
    found = [t for t in found if low <= t <= high]
    return [t for t in found if str(f"{t:.0e}")[0] == "1"] if len(found) > 8 else found


def words(v):
    return f"{v:,.0f}" if v >= 1 else f"{v:g}"


class Panel:
    """Axes with logarithmic scales."""

    def __init__(self, left, top, width, height, xs, ys, xlabel, ylabel, xticks=None):
        self.box = left, top, width, height
        self.x, self.y = self.bounds(xs), self.bounds(ys)
        self.out = []
        for t in xticks or ticks(*self.x):
            x, _ = self.at(t, self.y[0])
            self.out.append(f'<path d="M{x:.1f} {top}v{height}" stroke="{FAINT}"/>' + text(x, top + height + 14, words(t), "middle"))
        for t in ticks(*self.y):
            _, y = self.at(self.x[0], t)
            self.out.append(f'<path d="M{left} {y:.1f}h{width}" stroke="{FAINT}"/>' + text(left - 5, y + 4, words(t), "end"))
        self.out.append(f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="{INK}"/>')
        self.out.append(text(left + width / 2, top + height + 32, xlabel, "middle"))
        self.out.append(text(left, top - 8, ylabel, "start"))

    @staticmethod
    def bounds(values):
        return min(values) / 1.25, max(values) * 1.25

    def at(self, x, y):
        left, top, width, height = self.box
        part = lambda v, b: math.log(v / b[0]) / math.log(b[1] / b[0])
        return left + width * part(x, self.x), top + height * (1 - part(y, self.y))

    def line(self, points, colour, dash=""):
        path = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(self.at(*p) for p in points))
        self.out.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>')

    def dot(self, x, y, colour, filled):
        x, y = self.at(x, y)
        self.out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" stroke="{colour}" stroke-width="1.5" fill="{colour if filled else "white"}"/>')

    def cross(self, x, y, colour):
        x, y = self.at(x, y)
        self.out.append(f'<path d="M{x - 5:.1f} {y - 5:.1f}l10 10m-10 0l10 -10" stroke="{colour}" stroke-width="2"/>')

    def note(self, x, y, words, anchor, colour=INK, dx=0, dy=0):
        x, y = self.at(x, y)
        self.out.append(text(x + dx, y + dy, words, anchor, colour))


def text(x, y, words, anchor, colour=INK):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def write(path, width, height, panels):
    body = "\n".join(line for p in panels for line in p.out)
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">\n'
                    f'<rect width="{width}" height="{height}" fill="white"/>\n{body}\n</svg>\n')


def draw_ladder(all, out):
    points = all["ladder"]
    limit = all["made"]["limit"] / 1e9
    ys = [total(p) / 1e9 for p in points]
    p = Panel(60, 30, 560, 320, [q["parameters"] / 1e6 for q in points], ys, "parameters of the backbone, millions",
              "GB of a step at batch 32, 224 pixels: weights, optimizer, activations and gradients")
    p.line([(p.x[0], limit), (p.x[1], limit)], INK, ' stroke-dasharray="5 4"')
    p.note(p.x[0], limit, f"{limit:.0f} GB", "start", dx=5, dy=-5)
    for method, colour in COLOURS.items():
        mine = sorted((q["parameters"] / 1e6, total(q) / 1e9) for q in points if q["method"] == method)
        if not mine:
            continue
        p.line(mine, colour)
        for x, y in mine:
            p.dot(x, y, colour, False)
        p.note(*mine[-1], method, "end", colour, dx=-10, dy=-8 if method != "dtl" else 34)
    for t in all["tries"]:
        if t["image"] == 224:
            mark = p.dot if t["ran"] else p.cross
            mark(t["parameters"] / 1e6, total(t) / 1e9, COLOURS[t["method"]], *([True] if t["ran"] else []))
    write(out / "growth-backbones.svg", 640, 400, [p])


def draw_sweep(name, points, out):
    xs = [along(name, p) for p in points]
    timed = [(along(name, p), min(p["cpu"])) for p in points if p.get("cpu")]
    told = [(along(name, p), p["peak"] / 1e6) for p in points]
    traced = [(along(name, p), p["traced"] / 1e6) for p in points if p.get("traced")]
    xticks = None if name == "width" else xs
    panels = []
    for i, (label, series) in enumerate([("processor seconds of a step", timed), ("MB of a step, without weights", told)]):
        if not series:
            continue
        p = Panel(55 + 330 * i, 30, 250, 220, xs, [y for _, y in series], LABELS[name], label, xticks)
        p.line(series, COLOURS["dtl"])
        known = timed if i == 0 else traced
        for x, y in series:
            p.dot(x, y, COLOURS["dtl"], any(x == k for k, _ in known))
        panels.append(p)
    write(out / f"growth-{name}.svg", 660, 300, panels)


def table_ladder(all):
    tried = {(t["rung"], t["method"]): t for t in all["tries"] if t["image"] == 224}
    print("| backbone | parameters, millions | full, GB | lora, GB | dtl, GB |\n|:--|--:|--:|--:|--:|")
    for rung in dict.fromkeys(p["rung"] for p in all["ladder"]):
        row = {p["method"]: p for p in all["ladder"] if p["rung"] == rung}
        cells = []
        for method in ("full", "lora", "dtl"):
            if method not in row:
                cells.append("")
                continue
            t = tried.get((rung, method))
            mark = "" if t is None else " ran" if t["ran"] else " did not run"
            cells.append(f"{total(row[method]) / 1e9:.2f}{mark}")
        print(f"| {rung} | {next(iter(row.values()))['parameters'] / 1e6:,.0f} | {' | '.join(cells)} |")
    print("\n| try | image | told, GB | resident at most, GB | after loading, GB | seconds to load | seconds of the step | result |\n|:--|--:|--:|--:|--:|--:|--:|:--|")
    for t in all["tries"]:
        if t["ran"]:
            print(f"| {t['method']} {t['rung']} | {t['image']} | {total(t) / 1e9:.2f} | {t['resident'] / 1e9:.2f} | {t['loaded'] / 1e9:.2f} | {t['loading_seconds']:.0f} | {t['seconds']:.0f} | ran |")
        else:
            print(f"| {t['method']} {t['rung']} | {t['image']} | {total(t) / 1e9:.2f} | | | | | {t['why'].splitlines()[0]} (limit {t['limit'] / 1e9:.1f} GB, {t['after_seconds']:.0f} s) |")


def table_sweep(name, points):
    print(f"\n| {LABELS[name]} | tokens | weights, MB | step told, MB | step traced, MB | seconds | processor seconds |\n|--:|--:|--:|--:|--:|--:|--:|")
    for p in points:
        traced = f"{p['traced'] / 1e6:,.0f}" if p.get("traced") else ""
        seconds = f"{min(p['seconds']):.2f} | {min(p['cpu']):.1f}" if p.get("cpu") else " | "
        x = f"{p['rung']}, {p['parameters'] / 1e6:,.1f}" if name == "width" else p["x"]
        print(f"| {x} | {tokens(p)} | {p['weights'] / 1e6:,.0f} | {p['peak'] / 1e6:,.0f} | {traced} | {seconds} |")
    xs = [along(name, p) for p in points]
    e, off = slope(xs, [p["peak"] for p in points])
    words = [f"bytes of the step grow with exponent {e:.2f} (within {100 * (off - 1):.0f} %)"]
    timed = [p for p in points if p.get("cpu")]
    if len(timed) > 2:
        e, off = slope([along(name, p) for p in timed], [min(p["cpu"]) for p in timed])
        words.append(f"processor seconds with exponent {e:.2f} (within {100 * (off - 1):.0f} %, {len(timed)} points)")
    if "image" == name or name == "patch14":
        e, _ = slope([tokens(p) for p in points], [p["peak"] for p in points])
        words.append(f"bytes with exponent {e:.2f} of the tokens")
        if len(timed) > 2:
            words.append(f"processor seconds with exponent {slope([tokens(p) for p in timed], [min(p['cpu']) for p in timed])[0]:.2f} of the tokens")
    print("\n" + name + ": " + "; ".join(words))


def draw(all, out):
    print(all["made"], "\n")
    if all["ladder"]:
        table_ladder(all)
        draw_ladder(all, out)
    for name, points in all["sweeps"].items():
        table_sweep(name, points)
        draw_sweep(name, points, out)
