"""Block diagrams drawn from a network itself: its parts, or the layers of one. Explained in notebooks 04 to 08."""

import html
import re
import textwrap

WIDTH, LINE, GAP, LANE = 340, 15, 22, 14
WHOLE_WORDS = {"break_long_words": False, "break_on_hyphens": False}
# What some kinds of layer are called (the others by their class), and what each does in a chain of layers.
NAMES = {"BatchNormalization": "BN", "ReLU": "ReLU", "Activation": "", "ZeroPadding": "", "Dropout": "dropout {rate:g}"}
NAMES |= {"ScaledAdd": "shortcut + {scale:g} × residual", "Rescaling": "× {scale:g}"}
ROLES = {"i": "Input", "n": "Normal", "a": "ReLU|Activ", "p": "Padding", "s": "Pooling", "m": "Concat", "+": "Add"}
COLOURS = {"w": "#0173b2", "s": "#de8f05", "m": "#029e73", "+": "#029e73", "": "#949494"}
# Layers in one box: normalisation and activation go with the convolution before or after them.
BOX = r"[na]*p?w?|p?w[na]*|p?[so]|\+a?"


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
        known = ", ".join(dict.fromkeys(map(part_of, above)))
        raise ValueError(f"{model.name} has no part {part!r}; its parts: {known}")
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
        op, roles, name, words = box[-1], "".join(map(_role, box)), "", sum(map(_words, box), [])
        colour = next(colour for role, colour in COLOURS.items() if role in roles)
        if roles == "i" or op not in inside:
            words, colour = ["input" if roles == "i" else f"from {part_of(op)}", _size(op.output.shape[1:])], "none"
        elif part is None:
            parameters = sum(op.count_params() for op in box if hasattr(op, "count_params"))
            name, words = part_of(op), [_size(op.output.shape[1:]), f"{parameters:,}\xa0parameters"]
        elif roles == "m" and times == 1:
            words.append(f"{op.output.shape[-1]:,}\xa0channels")
        labels.append((name, words, colour))
    end = f"all this × {times}: output" if times > 1 else "output"
    labels.append(("", [end, _size(inside[-1].output.shape[1:])], "none"))
    place = {op: k for k, box in enumerate(boxes) for op in box}
    edges = {(place[a], place[op]) for op in place if op in inside for a in above[op] if place[a] < place[op]}
    edges = sorted(edges | {(len(boxes) - 1, len(boxes))})
    svg = _draw(labels, edges, html.escape(title or f"{part or 'the whole'} of {model.name}"))
    return HTML(f'<figure style="margin:0.5rem 0"><figcaption>{html.escape(title)}</figcaption>{svg}</figure>')


def _role(op):
    kind = type(op).__name__
    return next((r for r, word in ROLES.items() if re.search(word, kind)), "w" if hasattr(op, "kernel") else "o")


def _boxes(above, inside):
    """Layers that share a box, of those inside and of those that they read."""
    read, home, boxes = sum(above.values(), []), {}, []
    for op in above:
        box = home.get(above[op][0], []) if len(above[op]) == 1 == read.count(above[op][0]) else []
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
    words = [NAMES.get(kind, name).format_map(vars(op))]
    if hasattr(op, "kernel_size"):
        words[0] += f" {_size(op.kernel_size)}"
    words += [_size(op.pool_size)] if hasattr(op, "pool_size") else []
    words += [f"{getattr(op, key):,} {key}" for key in ("filters", "units") if hasattr(op, key)]
    words += [f"stride {_size(op.strides)}"] if getattr(op, "strides", 1) not in (1, (1,), (1, 1)) else []
    words.append(getattr(getattr(op, "activation", None), "__name__", "linear").replace("relu", "ReLU"))
    return [word.replace(" ", "\xa0") for word in words if word not in ("", "linear")]


def _draw(labels, edges, title):
    """The boxes in rows by their longest way from the top, branches in columns, shortcuts at the right."""
    n, row, x = range(len(labels)), [0] * len(labels), []
    for a, b in edges:
        row[b] = max(row[b], row[a] + 1)
    tails, heads = zip(*edges)
    around = [(a, b) for a, b in edges if row[b] - row[a] > 1 and tails.count(a) > 1 and heads.count(b) > 1]
    down = [edge for edge in edges if edge not in around]
    above = [[a for a, b in down if b == k] for k in n]
    for k in n:
        kin = [c for c in n if above[c] == above[k]]
        x.append(sum(x[a] for a in above[k]) / max(len(above[k]), 1) + kin.index(k) - (len(kin) - 1) / 2)
    pitch = min((WIDTH - LANE * bool(around)) / (max(x) - min(x) + 1), 270)
    right = pitch * (max(x) - min(x) + 1)
    # A box is as wide as all columns where no other way ends or passes.
    free = [all(k in way or not row[way[0]] <= row[k] <= row[way[1]] for way in down) for k in n]
    middle = [right / 2 if free[k] else (x[k] - min(x) + 0.5) * pitch for k in n]
    half = [(right if free[k] else pitch) / 2 - 3 for k in n]
    lines = [[f'<tspan font-weight="bold">{name}</tspan>'] * bool(name) for name, _, _ in labels]
    for k in n:
        text = ", ".join(labels[k][1]).replace("BN, ReLU", "BN,\xa0ReLU")
        lines[k] += textwrap.wrap(text, int(half[k] / 3.2), **WHOLE_WORDS)
    deep = [max(len(lines[k]) for k in n if row[k] == level) for level in range(max(row) + 1)]
    top = [2 + LINE * sum(deep[: row[k]]) + (GAP + 8) * row[k] for k in n]
    low = [top[k] + LINE * len(lines[k]) + 8 for k in n]
    drawn = ways = tips = ""
    for k in n:
        text = "".join(f'<tspan x="{middle[k]:.0f}" dy="{LINE}">{line}</tspan>' for line in lines[k])
        drawn += f'<path d="M{middle[k] - half[k]:.0f} {top[k]}h{2 * half[k]:.0f}V{low[k]}h-{2 * half[k]:.0f}z" '
        drawn += f'fill="{labels[k][2]}" fill-opacity="0.25" stroke="currentColor"/><text y="{top[k]}">{text}</text>'
    for a, b in down:
        start, end = middle[b if free[a] else a], middle[a if free[b] else b]
        ways += f"M{start:.0f} {low[a]}V{top[b] - GAP // 2}H{end:.0f}V{top[b] - 6}"
        tips += f"M{end - 4:.0f} {top[b] - 7}h8l-4 7z"
    for a, b in around:
        ways += f"M{middle[a] + half[a]:.0f} {low[a] - 6}H{right + 8:.0f}V{top[b] + 11}H{middle[b] + half[b] + 6:.0f}"
        tips += f"M{middle[b] + half[b] + 7:.0f} {top[b] + 7}v8l-7 -4z"
    said = [f"{k + 1}. {labels[k][0]} {', '.join(labels[k][1])}" for k in n]
    for a, b in edges:
        said[b] += f"{' and' if ' after' in said[b] else ' after'} {a + 1}"
    return (
        f'<svg viewBox="{(right + LANE * bool(around) - WIDTH) / 2:.0f} 0 {WIDTH} {max(low) + 2}" role="img" '
        f'aria-label="{title}: {"; ".join(said)}" style="width:100%;max-width:{1.3 * WIDTH:.0f}px" font-size="12" '
        f'font-family="sans-serif" text-anchor="middle" fill="currentColor"><title>{title}</title>{drawn}'
        f'<path d="{ways}" fill="none" stroke="currentColor"/><path d="{tips}"/></svg>'
    )
