"""Do the printed tables and settings follow from one another? Findings of arithmetic, for the page of claims."""

import itertools

import pandas as pd

from genre_utils.papers import f1, ordinary_accuracy, tables


def f1_misprints(table=tables.IRN_TABLE_2, decimals=1):
    """Rows whose F1 does not follow from their own precision and recall, however these were rounded.

    Parameters
    ----------
    table : pd.DataFrame
        Columns `precision`, `recall` and `f1`.
    decimals : int
        So many were printed.

    Returns
    -------
    pd.DataFrame
        The rows at fault, with `recomputed`.
    """
    half = 0.5 * 10.0**-decimals + 1e-9
    lowest, highest = (f1(table["precision"] + d, table["recall"] + d) for d in (-half, half))
    recomputed = f1(table["precision"], table["recall"]).round(decimals)
    wrong = (table["f1"] < lowest - half) | (table["f1"] > highest + half)
    return table.assign(recomputed=recomputed)[wrong]


def check_genres(table=tables.IRN_TABLE_2, n=100):
    """Check whether the scores of each genre follow from whole numbers of clips.

    Of `n` clips in a genre, recall is the share that was named right, and precision tells how many clips were taken for
    the genre. These are whole numbers, add up to all clips, and give each score without rounding.

    Parameters
    ----------
    table : pd.DataFrame
    n : int
        Clips of each genre.

    Returns
    -------
    pd.DataFrame
        Findings: `where`, `printed`, `expected` and `why`; no row where nothing is wrong.

    References
    ----------
    Inception-ResNet paper, Table 2; notebook 10.
    """
    exact = _genre_counts(table, n)
    found = []
    if (table["accuracy"] == table["recall"]).all():
        expected = f"accuracy {exact['accuracy'].min():.1f} to {exact['accuracy'].max():.1f}"
        why = "by section 5.2's definition an accuracy of one genre counts true negatives too"
        found.append(("Table 2", "accuracy = recall in every row", expected, why))
    why = "clips taken for each genre, from its precision"
    found.append(_whole("Table 2", "clips", exact["predicted"].sum(), n * len(exact), why))
    for genre, row in exact.iterrows():
        why = f"{row['right']:.0f} of the {row['predicted']:.0f} clips taken for {genre} are {genre}"
        names = ["recall", "precision"] + ["f1"] * (genre not in f1_misprints(table).index)
        found += [_rounded(f"Table 2, {genre}", name, table[name][genre], row[name], 1, why) for name in names]
    return _findings(found)


def check_scores(
    table_1=tables.IRN_TABLE_1,
    table_2=tables.IRN_TABLE_2,
    table_4=tables.IRN_TABLE_4,
    scores=tables.IRN_SCORES,
    bbnn=93,
):
    """Check whether the scores follow from those of the genres, and are the same wherever they are printed.

    Parameters
    ----------
    table_1, table_2, table_4 : pd.DataFrame
    scores : dict of str to dict
        Scores by place; one is the `Abstract`.
    bbnn : int
        BBNN's accuracy in per cent as the text has it, Sections 1 and 2.

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_genres`.

    References
    ----------
    Inception-ResNet paper, Abstract, 1, 2, 5.2 and Tables 1, 2 and 4; notebook 10.
    """
    means = _genre_counts(table_2, 100)[["precision", "recall", "f1"]].mean()
    places = {"Table 1": table_1.iloc[0], "Table 4": table_4.loc["inception_resnet"], **scores}
    found = [
        _rounded("Table 1", k, table_1[k].iloc[0], v, 2, "mean over Table 2's genres, from whole clips")
        for k, v in means.items()
    ]
    for place, printed in places.items():
        found += [_rounded(place, k, printed[k], v, 2, "the abstract") for k, v in scores["Abstract"].items()]
    found.append(
        _rounded("Sections 1 and 2", "BBNN's accuracy", bbnn, table_4["accuracy"]["bbnn"], 0, "Table 4 has 93.9")
    )
    return _findings(found)


def check_f1(table=tables.IRN_TABLE_2, decimals=1, where="Table 2"):
    """Find rows whose F1 is not the harmonic mean of their precision and recall, however these were rounded.

    Parameters
    ----------
    table : pd.DataFrame
    decimals : int
        So many were printed.
    where : str

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_genres`.

    References
    ----------
    Inception-ResNet paper, Table 2; FMA study, Table 1; notebook 10.
    """
    why = "harmonic mean of the row's precision and recall"
    found = f1_misprints(table, decimals)[["f1", "recomputed"]].map(f"{{:.{decimals}f}}".format)
    return _findings((f"{where}, {row.Index}", f"f1 {row.f1}", row.recomputed, why) for row in found.itertuples())


def check_macro(table=tables.IRN_TABLE_4, decimals=tables.IRN_TABLE_4_DECIMALS, where="Table 4", error=0.005):
    """Check whether the macro scores of a row can belong to one confusion matrix with equally large genres.

    Macro recall must then be the accuracy. And a mean of F1 scores is at most the F1 of mean precision and mean recall,
    because the harmonic mean is concave.

    Parameters
    ----------
    table : pd.DataFrame
        Its `accuracy` is the ordinary one.
    decimals : int or pd.Series
        So many were printed of recall, precision and F1.
    where : str
    error : float
        Largest that rounding leaves in the accuracy.

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_genres`.

    References
    ----------
    Inception-ResNet paper, Table 4; FMA study, Table 1; notebook 10.
    """
    digits = pd.Series(decimals, index=table.index)
    half = 0.5 * 10.0**-digits + 1e-9
    most = f1(table["precision"] + half, table["recall"] + half) + half
    found = []
    for name, row in table.iterrows():
        place, d = where if name == 0 else f"{where}, {name}", digits[name]
        if abs(row["accuracy"] - row["recall"]) > error + half[name]:
            why = "the accuracy, if the genres are equally large"
            found.append((place, f"recall {row['recall']:.{d}f}", f"{row['accuracy']:.{d}f}", why))
        if row["f1"] > most[name]:
            why = "no mean of F1 exceeds the F1 of mean precision and mean recall"
            found.append((place, f"f1 {row['f1']:.{d}f}", f"at most {most[name]:.{d}f}", why))
    return _findings(found)


def check_parameters(table_3=tables.IRN_TABLE_3, table_4=tables.IRN_TABLE_4, text=tables.IRN_TABLE_3_AS_PRINTED):
    """Check whether the parameter counts add up, agree, and compare like with like.

    Parameters
    ----------
    table_3, table_4 : pd.DataFrame
    text : tuple of str
        Table 3's numbers with their separators.

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_genres`.

    References
    ----------
    Inception-ResNet paper, Tables 3 and 4; notebooks 05 and 06.
    """
    ours, total, bbnn = table_3.iloc[0], table_4["parameters"], tables.BBNN_PARAMETERS
    why = "a full stop marks decimals everywhere else in the paper"
    read = [(printed, float(printed.replace(",", "")), n) for printed, n in zip(text, ours, strict=True)]
    found = [("Table 3", printed, f"{n:,}", why) for printed, value, n in read if value != n]
    trained = ", the printed ones are those trained" if total["bbnn"] == bbnn["trainable"] else ""
    found.append(_whole("Table 3", "parameters", ours["parameters"], ours.iloc[:2].sum(), "sum of its parts"))
    found.append(_whole("Table 4", "parameters", total["inception_resnet"], ours["parameters"], "total of Table 3"))
    found.append(_whole("Table 4, bbnn", "parameters", total["bbnn"], bbnn["parameters"], f"all of BBNN's{trained}"))
    return _findings(found)


def check_input(setting=tables.IRN_INPUT, where="Section 4.2"):
    """Check whether length, rate, window and hop give the printed frames, milliseconds and rows.

    Parameters
    ----------
    setting : dict
        As `IRN_INPUT` or one of `FMA_INPUTS`.
    where : str

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_genres`.

    References
    ----------
    Inception-ResNet paper, 4.2; FMA study, III to V; notebook 02.
    """
    seconds, sr, window, hop, frames = (setting[name] for name in tables.IRN_INPUT)
    n, ms, rows = seconds * sr, setting.get("ms"), setting.get("rows")
    why = f"{seconds} s at {sr:,} Hz are {n:,} samples; {frames} frames need {(frames - 1) * hop:,}"
    found = [_whole(where, "frames", frames, 1 + n // hop, why)]
    if hop > window:
        unused = f"{1 - window / hop:.0%} of the samples are in no window"
        found.append((where, f"window {window:,}, hop {hop:,}", "hop at most window", unused))
    if ms and abs(ms - 1000 * window / sr) > 5:  # printed to the tens
        found.append((where, f"about {ms} ms", f"{1000 * window / sr:.0f}", f"{window:,} samples at {sr:,} Hz"))
    if rows:
        why = f"its window has {window:,} samples"
        found.append(_whole(where, "rows of an STFT (Section V)", rows, 1 + window // 2, why))
    return _findings(found)


def check_layers(layers=tables.IRN_LAYERS, modules=tables.IRN_MODULE_LAYERS, stem=tables.IRN_STEM):
    """Check whether the layers add up, and the pools give the printed frames.

    Parameters
    ----------
    layers, modules : dict of str to int
        Layers by part; one of `layers` is their `total`.
    stem : dict
        As `IRN_STEM`.

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_genres`.

    References
    ----------
    Inception-ResNet paper, 3; notebook 06.
    """
    frames, pool, bbnn = stem["frames"], stem["pool"], stem["bbnn_pool"]
    found = [
        _whole("Section 3", "layers", layers["total"], sum(layers.values()) - layers["total"], "sum of the parts"),
        _whole("Section 3, modules", "layers", layers["modules"], sum(modules.values()), "sum of A, B and C"),
    ]
    for before, after in itertools.pairwise(frames):
        found.append(_whole("Section 3, stem", "frames", after, before // pool, f"{before} // {pool}"))
    if stem["bbnn_removes"] != 1 - 1 / bbnn:
        why = f"it leaves {frames[0] // bbnn} of {frames[0]}, to a quarter, as do the stem's two pools, {frames[-1]}"
        printed, expected = (f"{share:.0%}" for share in (stem["bbnn_removes"], 1 - 1 / bbnn))
        found.append(("Sections 3 and 5.3", f"pooling ({bbnn}, 1) reduces by {printed}", expected, why))
    return _findings(found)


def check_densenet(layers=121, blocks=(6, 12, 24, 16), growth=32, channels=64, transitions="increasing"):
    """Check whether a description of DenseNet-121 follows from the network of Huang et al. (2017).

    Parameters
    ----------
    layers : int
        With weights.
    blocks : tuple of int
        Layers of each dense block, of two convolutions each.
    growth, channels : int
        New channels a layer, and those that enter the first block; Huang et al. (2017).
    transitions : {"increasing", "decreasing"}
        What becomes of the channels between two blocks; in Huang et al. (2017) they are halved.

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_genres`.

    References
    ----------
    FMA study, V; Huang et al. (2017); notebook 07.
    """
    counted = 2 * sum(blocks) + len(blocks) + 1
    found = [_whole("Section V", "layers", layers, counted, "convolutions and classifier")]
    steps = []
    for block in blocks[:-1]:
        before, channels = channels + growth * block, (channels + growth * block) // 2
        steps.append(f"{before} to {channels}")
    if transitions != "decreasing":
        found.append(("Section V", f"transitions {transitions} the channels", "decreasing", ", ".join(steps)))
    return _findings(found)


def inconsistencies():
    """Everything in the two papers' tables and settings that arithmetic finds at odds.

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_genres`, with the `paper`. What several checks find stands once.

    References
    ----------
    Notebook 10.
    """
    fma = tables.FMA_TABLE_1.assign(accuracy=ordinary_accuracy(tables.FMA_TABLE_1["accuracy"], 8))
    irn = [check_scores(), check_macro(tables.IRN_TABLE_1, 2, "Table 1"), check_f1(), check_genres()]
    irn += [check_parameters(), check_macro(), check_layers(), check_input()]
    other = [check_f1(fma, 3, "Table 1"), check_macro(fma, 3, "Table 1", 4 * 0.0005)]
    other += [check_input(setting, f"Section IV, {name}") for name, setting in tables.FMA_INPUTS.items()]
    other.append(check_densenet())
    papers = {"Inception-ResNet": irn, "FMA study": other}
    found = pd.concat([pd.concat(frames).assign(paper=name) for name, frames in papers.items()])
    merged = found.groupby(["paper", "where", "printed", "expected"], sort=False)["why"].agg("; ".join).reset_index()
    return merged[[*found.columns]]


def _genre_counts(table, n):
    right = (table["recall"] * n / 100).round()
    predicted = (100 * right / table["precision"]).round()
    exact = pd.DataFrame({"right": right, "predicted": predicted, "recall": 100 * right / n})
    exact["precision"] = 100 * right / predicted
    exact["f1"] = f1(exact["precision"], exact["recall"])
    return exact.assign(accuracy=100 - 100 * (n + predicted - 2 * right) / (n * len(table)))


def _findings(rows):
    return pd.DataFrame([row for row in rows if row], columns=["where", "printed", "expected", "why"])


def _whole(where, what, printed, expected, why):
    return (where, f"{printed:,.0f} {what}", f"{expected:,.0f}", why) if printed != expected else None


def _rounded(where, what, printed, exact, decimals, why):
    unit = 10.0**-decimals
    if abs(printed - exact) <= unit / 2 + 1e-9:
        return None
    cut = " (cut off, not rounded)" if 0 <= exact - printed < unit else ""
    return where, f"{what} {printed:.{decimals}f}", f"{exact:.{decimals}f}", why + cut
