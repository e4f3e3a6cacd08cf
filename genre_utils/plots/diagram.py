"""Block diagrams drawn from a network itself: its parts, or the layers of one. Explained in notebooks 04 to 08."""

import html
import re
import textwrap
from itertools import pairwise
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
    if part is None:
        home = {op: op.name if _role(op) == "i" else part_of(op) for op in above}
        names = list(dict.fromkeys(reversed(home.values())))[::-1]
        labels = {name: _part(name, [op for op in above if home[op] == name]) for name in names}
        edges = {(home[parent], home[op]) for op in above for parent in above[op]}
    else:
        inside = [op for op in above if not part or re.match(rf"{re.escape(part)}([-_]|$)", op.name)]
        if not inside:
            known = ", ".join(dict.fromkeys(map(part_of, above)))
            raise ValueError(f"{model.name} has no part {part!r}; its parts: {known}")
        labels, edges, times = _layers(above, inside)
    order = {name: k for k, name in enumerate(labels)}
    edges = sorted((order[a], order[b]) for a, b in edges if a != b)
    svg = _draw(list(labels.values()), edges, times, title or f"{part or 'the whole'} of {model.name}")
    caption = f"<figcaption>{html.escape(title)}</figcaption>" if title else ""
    return HTML(f'<figure class="diagram" style="margin:0.5rem 0">{caption}{svg}</figure>')


def _role(op):
    kind = type(op).__name__
    return next((r for r, word in ROLES.items() if re.search(word, kind)), "w" if hasattr(op, "kernel") else "o")


def _size(shape):
    return "\xa0×\xa0".join("any" if n is None else f"{n:,}" for n in (shape if isinstance(shape, tuple) else (shape,)))


def _words(op):
    kind = re.sub(r"\dD$", "", type(op).__name__)
    name = re.sub("(?<=[a-z])(?=[A-Z])", "-", kind).lower().replace("pooling", "pool")
    name = NAMES.get(kind, name).format_map(vars(op))
    size, stride = (getattr(op, f"{key}_size", None) for key in ("kernel", "pool")), getattr(op, "strides", 1)
    words = [" ".join([name, *map(_size, filter(None, size))])]
    words += [f"{getattr(op, key):,} {key}" for key in ("filters", "units") if hasattr(op, key)]
    sides = set(stride) if isinstance(stride, tuple) else {stride}
    words += [f"stride {_size(stride if len(sides) > 1 else sides.pop())}"] if sides != {1} else []
    if callable(getattr(op, "activation", None)) and op.activation.__name__ != "linear":
        words.append(op.activation.__name__.replace("relu", "ReLU"))
    return list(filter(None, words))


def _part(name, ops):
    if _role(ops[0]) == "i":
        return "", ["input", _size(ops[0].output.shape[1:])], "none"
    parameters = sum(op.count_params() for op in ops if hasattr(op, "count_params"))
    return name, [_size(ops[-1].output.shape[1:]), f"{parameters:,} parameters"], COLOURS["w"]


def _layers(above, inside):
    """Boxes of the layers inside, of what comes in and of what goes out; their edges; how often they repeat."""
    readers = {op: [child for child in above if op in above[child]] for op in above}
    shown, home, boxes = {parent for op in inside for parent in above[op]}.union(inside), {}, []
    for op in filter(shown.__contains__, above):
        box = home.get(above[op][0], []) if len(above[op]) == 1 == len(readers[above[op][0]]) else []
        if not (box and {*box, op} <= set(inside) and re.fullmatch(BOX, "".join(map(_role, [*box, op])))):
            boxes.append(box := [])
        box.append(op)
        home[op] = box
    own = [box for box in boxes if box[0] in inside and _role(box[0]) != "i"]
    words = [sum(map(_words, box), []) for box in own]
    period = next(
        (p for p in range(1, len(own)) if len(own) % p == 0 and words == words[:p] * (len(own) // p)), len(own)
    )
    turn = {op: k // period for k, box in enumerate(own) for op in box}
    key = {op: own[k % period][0].name for k, box in enumerate(own) for op in box}
    labels = {}
    for box in boxes:
        op, size = box[-1], _size(box[-1].output.shape[1:])
        if box[0] not in key:
            source = "input" if _role(op) == "i" else f"from {op.name.split('-')[0]}"
            key[op], labels[op.name] = op.name, ("", [source, size], "none")
        elif not turn[op]:
            role = next((r for r in map(_role, box) if r in COLOURS), "")
            more = [f"{op.output.shape[-1]:,} channels"] if role == "m" and period == len(own) else []
            labels[key[op]] = "", words[own.index(box)] + more, COLOURS.get(role, "#949494")
    edges = {(key[a], key[op]) for op in inside for a in above[op] if turn.get(a, 0) == turn.get(op, 0) == 0}
    for op in inside:
        if not readers[op] or set(readers[op]) - set(inside):
            labels[f"{op.name} out"] = "", ["output", _size(op.output.shape[1:])], "none"
            edges.add((key[op], f"{op.name} out"))
    return labels, edges, len(own) // max(period, 1)


def _draw(labels, edges, times, title):
    """The boxes in rows by their longest way from the top, the branches in columns."""
    n, row, x = len(labels), [0] * len(labels), [0.0] * len(labels)
    for a, b in edges:
        row[b] = max(row[b], row[a] + 1)
    starts, ends = ([edge[side] for edge in edges] for side in (0, 1))
    around = [(a, b) for a, b in edges if row[b] - row[a] > 1 and starts.count(a) > 1 and ends.count(b) > 1]
    down = [edge for edge in edges if edge not in around]
    ups, downs = [[a for a, b in down if b == k] for k in range(n)], [[b for a, b in down if a == k] for k in range(n)]
    rows = [[k for k in range(n) if row[k] == level] for level in range(max(row) + 1)]
    for here in rows:
        for k in here:
            kin = [c for c in range(n) if ups[c] == ups[k]]
            x[k] = (fmean(x[a] for a in ups[k]) if ups[k] else 0) + kin.index(k) - (len(kin) - 1) / 2
        for a, b in pairwise(sorted(here, key=x.__getitem__)):
            x[b] = max(x[b], x[a] + 1)
    around.sort(key=lambda edge: row[edge[1]] - row[edge[0]])
    lanes = [sum(row[c] < row[b] and row[a] < row[d] for c, d in around[:k]) for k, (a, b) in enumerate(around)]
    room = WIDTH - LANE * (max(lanes, default=-1) + 1)
    pitch = room / (max(x) - min(x) + 1)
    boxes, pieces, y, said = [()] * n, [], 2, []
    for level, here in enumerate(rows):
        free = len(here) == 1 and not any(row[a] < level < row[b] for a, b in down)
        tall = y
        for k in here:
            middle = (x[k] - min(x) + 0.5) * pitch
            reach = max((abs(x[c] - x[k]) for near in (ups[k], downs[k]) for c in near if len(near) > 1), default=0)
            wide = max(min(pitch - 6, 270) + 2 * reach * pitch, min(270, 2 * min(middle, room - middle) - 6) * free)
            name, words, colour = labels[k]
            limit = int(wide / 6.6)
            text = ", ".join(word.replace(" ", "\xa0") if len(word) <= limit else word for word in words).replace(
                "BN, ", "BN,\xa0"
            )
            lines = [name] * bool(name) + textwrap.wrap(text, limit, break_long_words=False, break_on_hyphens=False)
            high = LINE * len(lines) + 8
            boxes[k], tall = (middle - wide / 2, y, middle + wide / 2, y + high), max(tall, y + high)
            pieces.append(
                f'<rect x="{boxes[k][0]:.0f}" y="{y}" width="{wide:.0f}" height="{high}" rx="4" fill="{colour}" '
                f'fill-opacity="0.25" stroke="currentColor" stroke-opacity="0.6"/>'
            )
            for i, line in enumerate(lines, start=1):
                weight = ' font-weight="bold"' if line == name else ""
                line = html.escape(line.rstrip(","))
                pieces.append(f'<text x="{middle:.0f}" y="{y + LINE * i}"{weight}>{line}</text>')
        said.append(" beside ".join(", ".join(filter(None, [labels[k][0], *labels[k][1]])) for k in here))
        y = tall + GAP
    edge = max(box[2] for box in boxes)
    lines, tips = "", ""
    for a, b in down:
        narrow = min(boxes[a], boxes[b], key=lambda box: box[2] - box[0])
        start, end = (min(max((narrow[0] + narrow[2]) / 2, box[0]), box[2]) for box in (boxes[a], boxes[b]))
        top = boxes[b][1]
        lines += f"M{start:.0f} {boxes[a][3]}V{top - GAP // 2}H{end:.0f}V{top - 6}"
        tips += f"M{end - 4:.0f} {top - 7}h8l-4 7z"
    for lane, (a, b) in zip(lanes, around):
        start, end = ((boxes[k][1] + boxes[k][3]) // 2 for k in (a, b))
        lines += f"M{boxes[a][2]:.0f} {start + 5}H{edge + LANE * (lane + 1) - 2:.0f}V{end}H{boxes[b][2] + 6:.0f}"
        tips += f"M{boxes[b][2] + 7:.0f} {end - 4}v8l-7 -4z"
        said.append(f"a shortcut from {labels[a][1][0]} to {labels[b][1][0]}")
    if times > 1:
        inner = [box for box, label in zip(boxes, labels) if label[2] != "none"]
        top, bottom = inner[0][1] - 7, inner[-1][3] + 7
        lines += f"M1 {top}H{WIDTH - 1}V{bottom}H1z"
        pieces.append(f'<text x="{WIDTH - 4}" y="{bottom + 13}" text-anchor="end" font-weight="bold">× {times}</text>')
        said.append(f"{times} times over")
    title, alt = html.escape(title), html.escape("; ".join([title, *said]))
    return (
        f'<svg viewBox="0 0 {WIDTH} {y - GAP + 2}" role="img" aria-label="{alt}" '
        f'style="width:100%;max-width:{1.3 * WIDTH:.0f}px" fill="currentColor" font-family="sans-serif" font-size="12" '
        f'text-anchor="middle"><title>{title}</title>{"".join(pieces)}<path d="{tips}"/>'
        f'<path d="{lines}" fill="none" stroke="currentColor"/></svg>'
    )
