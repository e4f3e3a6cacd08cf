"""Block diagrams drawn from a network itself: its parts, or the layers of one. Explained in notebooks 04 to 08."""

import html
import re
import textwrap
from collections import Counter
from statistics import fmean

WIDTH, LINE, GAP, LANE = 340, 15, 22, 14
# What some kinds of layer are called (the others by their class), and what each does in a chain of layers.
NAMES = {"BatchNormalization": "BN", "ReLU": "ReLU", "Activation": "", "ZeroPadding": "", "Dropout": "dropout {rate:g}"}
NAMES |= {"ScaledAdd": "shortcut + {scale:g} × residual", "Rescaling": "× {scale:g}"}
ROLES = {"i": "Input", "n": "Normal", "a": "ReLU|Activ", "p": "Padding", "s": "Pooling", "m": "Concat", "+": "Add"}
# Layers in one box: normalisation and activation go with the convolution before or after them.
BOX = r"[na]*p?w?|p?w[na]*|p?[so]|\+a?"
COLOURS = {"w": "#0173b2", "s": "#de8f05", "m": "#029e73", "+": "#029e73"}


def diagram(model, part=None, title=""):
    """A network, or one part of it, as boxes and arrows from top to bottom.

    Branches stand side by side, shortcuts go around. Batch normalisation (BN) and activation share the box of the
    convolution that they belong to. What a part does several times over is drawn once.

    Parameters
    ----------
    model : keras.Model
    part : str, optional
        With what the names of its layers begin: a part such as "block_1", several such as "block", or some layers of
        one, such as "block_1-conv2_block1" of DenseNet; "" draws every layer. By default each part is one box, with its
        output (frames × bands × channels) and its parameters.
    title : str

    Returns
    -------
    IPython.display.HTML

    Raises
    ------
    ValueError
        If no layer's name begins so.
    """
    from IPython.display import HTML

    from ..models.inspection import graph, part_of

    above, times = graph(model), 1
    inside = [op for op in above if not part or re.match(rf"{re.escape(part)}([-_]|$)", op.name)]
    if not inside:
        raise ValueError(
            f"{model.name} has no part {part!r}; its parts: {', '.join(dict.fromkeys(map(part_of, above)))}"
        )
    if part is None:
        home = {op: op.name if _role(op) == "i" else part_of(op) for op in reversed(above)}
        boxes = [[op for op in above if home[op] == name] for name in dict.fromkeys(home.values())][::-1]
    else:
        boxes = _boxes(above, inside)
        own = [box for box in boxes if box[0] in inside and _role(box[0]) != "i"]
        words = [sum(map(_words, box), []) for box in own]
        times = next((k for k in range(len(own), 1, -1) if words == words[: len(own) // k] * k), 1)
        boxes = [box for box in boxes if box not in own[len(own) // times :]]
    labels = []
    for box in boxes:
        op, size, roles = box[-1], _size(box[-1].output.shape[1:]), [_role(op) for op in box]
        colour = next((COLOURS[role] for role in roles if role in COLOURS), "#949494")
        if op not in inside or "i" in roles[-1]:
            labels.append(("", ["input" if roles == ["i"] else f"from {part_of(op)}", size], "none"))
        elif part is None:
            parameters = sum(op.count_params() for op in box if hasattr(op, "count_params"))
            labels.append((part_of(op), [size, f"{parameters:,} parameters"], COLOURS["w"]))
        else:
            channels = [f"{op.output.shape[-1]:,} channels"] if "m" in roles and times == 1 else []
            labels.append(("", sum(map(_words, box), channels[:0]) + channels, colour))
    labels.append(("", ["output", _size(inside[-1].output.shape[1:])], "none"))
    place = {op: k for k, box in enumerate(boxes) for op in box}
    edges = {(place[a], place[op]) for op in place if op in inside for a in above[op] if place[a] < place[op]}
    edges = sorted(edges | {(len(boxes) - 1, len(boxes))})
    svg = _draw(labels, edges, times, html.escape(title or f"{part or 'the whole'} of {model.name}"))
    caption = f"<figcaption>{html.escape(title)}</figcaption>" if title else ""
    return HTML(f'<figure class="diagram" style="margin:0.5rem 0">{caption}{svg}</figure>')


def _role(op):
    kind = type(op).__name__
    return next((r for r, word in ROLES.items() if re.search(word, kind)), "w" if hasattr(op, "kernel") else "o")


def _boxes(above, inside):
    """Layers that share a box, of those inside and of those that they read."""
    readers, home, boxes = Counter(sum(above.values(), [])), {}, []
    for op in above:
        box = home.get(above[op][0], []) if len(above[op]) == 1 == readers[above[op][0]] else []
        if not (box and {*box, op} <= set(inside) and re.fullmatch(BOX, "".join(map(_role, [*box, op])))):
            boxes.append(box := [])
        box.append(op)
        home[op] = box
    shown = {parent for op in inside for parent in above[op]}.union(inside)
    return [box for box in boxes if box[0] in shown]


def _size(shape):
    return "\xa0×\xa0".join("any" if n is None else f"{n:,}" for n in (shape if isinstance(shape, tuple) else (shape,)))


def _words(op):
    kind = re.sub(r"\dD$", "", type(op).__name__)
    name = re.sub("(?<=[a-z])(?=[A-Z])", "-", kind).lower().replace("pooling", "pool")
    sizes = [_size(getattr(op, key)) for key in ("kernel_size", "pool_size") if hasattr(op, key)]
    words = [" ".join([NAMES.get(kind, name).format_map(vars(op)), *sizes])]
    words += [f"{getattr(op, key):,} {key}" for key in ("filters", "units") if hasattr(op, key)]
    stride = {*getattr(op, "strides", (1,))} if isinstance(getattr(op, "strides", (1,)), tuple) else {op.strides}
    words += [f"stride {_size(op.strides if len(stride) > 1 else stride.pop())}"] if stride != {1} else []
    function = getattr(getattr(op, "activation", None), "__name__", "linear")
    return [word for word in [*words, function.replace("relu", "ReLU")] if word not in ("", "linear")]


def _draw(labels, edges, times, title):
    """The boxes in rows by their longest way from the top, branches in columns, shortcuts at the right."""
    row, x, boxes, pieces, said, y = [0] * len(labels), [], {}, [], [title], 2
    for a, b in edges:
        row[b] = max(row[b], row[a] + 1)
    tails, heads = zip(*edges)
    around = [(a, b) for a, b in edges if row[b] - row[a] > 1 and tails.count(a) > 1 and heads.count(b) > 1]
    down = [edge for edge in edges if edge not in around]
    above, below = ([[e[i] for e in down if e[1 - i] == k] for k in range(len(labels))] for i in (0, 1))
    for k, own in enumerate(above):
        kin = [c for c, other in enumerate(above) if other == own]
        x.append(fmean([x[a] for a in own] or [0]) + kin.index(k) - (len(kin) - 1) / 2)
    room = WIDTH - LANE * bool(around)
    pitch = room / (max(x) - min(x) + 1)
    for level in range(max(row) + 1):
        here = [k for k in range(len(labels)) if row[k] == level]
        free = len(here) == 1 and not any(row[a] < level < row[b] for a, b in down)
        for k in here:
            (name, words, colour), middle = labels[k], (x[k] - min(x) + 0.5) * pitch
            reach = max((abs(x[c] - x[k]) for near in (above[k], below[k]) for c in near if len(near) > 1), default=0)
            wide = max(min(pitch - 6, 270) + 2 * reach * pitch, min(270, 2 * min(middle, room - middle) - 6) * free)
            limit = int(wide / 6.6)
            text = ", ".join(word.replace(" ", "\xa0") if len(word) <= limit else word for word in words)
            lines = textwrap.wrap(
                text.replace("BN, ", "BN,\xa0"), limit, break_long_words=False, break_on_hyphens=False
            )
            lines = [f'<tspan font-weight="bold">{name}</tspan>'] * bool(name) + [line.rstrip(",") for line in lines]
            high = LINE * len(lines) + 8
            boxes[k] = middle - wide / 2, y, middle + wide / 2, y + high
            text = "".join(f'<tspan x="{middle:.0f}" dy="{LINE}">{line}</tspan>' for line in lines)
            pieces.append(
                f'<rect x="{boxes[k][0]:.0f}" y="{y}" width="{wide:.0f}" height="{high}" rx="4" fill="{colour}" '
                f'fill-opacity="0.25" stroke="currentColor" stroke-opacity="0.6"/><text y="{y}">{text}</text>'
            )
        said.append(" beside ".join(", ".join(filter(None, [labels[k][0], *labels[k][1]])) for k in here))
        y = max(boxes[k][3] for k in here) + GAP
    lines = tips = ""
    for a, b in down:
        left, _, right, _ = min(boxes[a], boxes[b], key=lambda box: box[2] - box[0])
        start, end = (min(max((left + right) / 2, boxes[k][0]), boxes[k][2]) for k in (a, b))
        top = boxes[b][1]
        lines += f"M{start:.0f} {boxes[a][3]}V{top - GAP // 2}H{end:.0f}V{top - 6}"
        tips += f"M{end - 4:.0f} {top - 7}h8l-4 7z"
    for a, b in around:
        (_, _, start, low), (_, high, end, _) = boxes[a], boxes[b]
        lines += (
            f"M{start:.0f} {low - 6}H{max(box[2] for box in boxes.values()) + LANE - 2:.0f}V{high + 11}H{end + 6:.0f}"
        )
        tips += f"M{end + 7:.0f} {high + 7}v8l-7 -4z"
        said.append(f"shortcut from {labels[a][1][0]} to {labels[b][1][0]}")
    if times > 1:
        inner = [box for k, box in boxes.items() if labels[k][2] != "none"]
        lines += f"M1 {inner[0][1] - 7}H{WIDTH - 1}V{inner[-1][3] + 7}H1z"
        pieces.append(f'<text x="{WIDTH - 4}" y="{inner[-1][3] + 20}" text-anchor="end">× {times}</text>')
        said.append(f"{times} times over")
    return (
        f'<svg viewBox="0 0 {WIDTH} {y - GAP + 2}" role="img" aria-label="{"; ".join(said)}" fill="currentColor" '
        f'style="width:100%;max-width:{1.3 * WIDTH:.0f}px" font-family="sans-serif" font-size="12" '
        f'text-anchor="middle"><title>{title}</title>{"".join(pieces)}<path d="{tips}"/>'
        f'<path d="{lines}" fill="none" stroke="currentColor"/></svg>'
    )
