"""What arithmetic says of a claim: from printed numbers, and from networks that are built and counted."""

import json
import re
from collections import Counter
from functools import cache

import numpy as np

from genre_utils import evaluation, features, models, papers
from genre_utils.models.inception_resnet import VARIANTS

from . import RESULTS, checks, rules
from .measured import NAMES, SETTINGS, Finding, interval, points

IRN_4, IRN_2, FMA_1 = papers.IRN_TABLE_4, papers.IRN_TABLE_2, papers.FMA_TABLE_1
FMA_TEST = round(0.1 * (8_000 - len(papers.FMA_FAULTY)))
ORDINARY = papers.ordinary_accuracy(FMA_1["accuracy"], 8)

inconsistencies = cache(checks.inconsistencies)


@cache
def parts(name, variant=None):
    """Layers, parameters and multiplications of a network by part."""
    return models.describe(models.build(name, **({"variant": variant} if variant else {})))


def printed_at(places, pattern, text, paper="Inception-ResNet"):
    """Whether `checks.inconsistencies` finds anything at these places; `text` says what follows from what."""

    def check():
        found = inconsistencies()
        found = found[(found["paper"] == paper) & found["where"].isin(places) & found["printed"].str.contains(pattern)]
        once = found.drop_duplicates(["printed", "expected"])
        told = [f"Printed {row.printed}, expected {row.expected}: {row.why}." for row in once.itertuples()]
        return Finding(
            re.sub(r"(\d)%", r"\1 %", " ".join(told)).replace(" f1 ", " F1 ") or text, rules.consistent(found["why"])
        )

    return check


def fact(text, *facts):
    return Finding(text, rules.follows(*facts))


def mean_accuracy():
    mean = IRN_2["recall"].mean()
    low, high = evaluation.wilson(round(10 * mean), 1_000)
    text = f"The mean of Table 2 is {mean:.2f}: {10 * mean:.0f} of 1,000 clips, 95 % interval {interval(low, high)}."
    return Finding(text, rules.equals(IRN_4["accuracy"]["inception_resnet"], mean, 2))


def worst_genre(score):
    lowest = IRN_2[score].idxmin()
    below = (IRN_2[score] < 90).sum()
    column = "Table 2's column of accuracy repeats recall; by it, the" if score == "recall" else "The"
    return fact(
        f"{column} lowest is that of {lowest}: {IRN_2[score].min()}. Genres below 90: {below}.",
        below > 0 and IRN_2[score][lowest] < 90,
    )


def bbnn_log():
    test = evaluation.corrected_t_test(papers.BBNN_TEST_ACCURACY, 800, 100)
    means = papers.BBNN_LOG_MEANS
    text = (
        f"The log that BBNN's authors released: {means['validation']:.2f} on validation clips, by which weights were "
        f"chosen, and {means['test']:.2f} on test clips, [{test.low:.1f}, {test.high:.1f}] over ten splits, corrected "
        "for their common training clips."
    )
    return Finding(text)


def leads():
    right = [round(10 * IRN_4["accuracy"][name]) for name in ("inception_resnet", "bbnn")]
    least = evaluation.mcnemar([True] * (right[0] - right[1]), [False] * (right[0] - right[1])).p_value
    text = (
        f"{right[0]} against {right[1]} of 1,000 clips: no predictions with these counts give a p-value below "
        f"{least:.2f}."
    )
    return Finding(text)


def counts_add():
    table = papers.IRN_TABLE_3.iloc[0]
    built = parts("inception_resnet").sum(numeric_only=True)
    both = table["trainable"] + table["non_trainable"]
    text = (
        f"{table['trainable']:,} + {table['non_trainable']:,} = {both:,}. A network that fits the text, its "
        f"filters chosen to meet these counts, has {built['parameters']:,.0f}. (Table 3 writes two of them with a full "
        "stop, 1.600 and 149.418.)"
    )
    right = both == table["parameters"] == built["parameters"]
    return fact(text, right)


def layers_add():
    built = parts("inception_resnet")["layers"]
    by_part = {"stem": built["stem"], "modules": built.filter(like="module").sum(), "reduction": built["reduction"]}
    by_part |= {"fully connected": built["head"], "total": built.sum()}
    told = ", ".join(f"{name} {count}" for name, count in by_part.items())
    return fact(f"A network that fits the text and the printed parameters has: {told}.", by_part == papers.IRN_LAYERS)


def modules_add():
    built = parts("inception_resnet")["layers"].filter(like="module")
    told = " + ".join(map(str, built))
    return fact(
        f"{told} = {built.sum()} in a network that fits the text and the printed parameters.",
        built.to_dict() == papers.IRN_MODULE_LAYERS,
    )


def bbnn_total():
    bbnn, printed = papers.BBNN_PARAMETERS, IRN_4["parameters"]["bbnn"]
    text = (
        f"BBNN has {bbnn['parameters']:,} parameters in total, of which {bbnn['trainable']:,} are trainable. Table 4 "
        "compares the trainable ones with a total."
    )
    return Finding(text, rules.equals(printed, bbnn["parameters"], 0))


def fewer_parameters():
    ours, theirs = papers.IRN_TABLE_3.iloc[0], papers.BBNN_PARAMETERS
    cut = {kind: ours[kind] / theirs[kind] - 1 for kind in ("parameters", "trainable")}
    text = (
        f"Total {points(cut['parameters'])} %, trainable {points(cut['trainable'])} %, both networks counted in the "
        "same way."
    )
    return fact(text, *(value < 0 for value in cut.values()))


def fewer_in_modules():
    own = [parts("inception_resnet", variant)["parameters"].filter(like="module").sum() for variant in VARIANTS]
    theirs = parts("bbnn")["parameters"].filter(like="block").sum()
    text = f"BBNN's three blocks have {theirs:,}; the three modules {own[0]:,} or {own[1]:,}, in our two completions."
    return fact(text, *(count < theirs for count in own))


def due_to_5x5():
    """Is the smaller number of parameters of the modules due to the absence of larger kernels?"""
    own = [parts("inception_resnet", variant)["parameters"].filter(like="module").sum() for variant in VARIANTS]
    theirs = parts("bbnn")["parameters"].filter(like="block").sum()
    kernels = [getattr(layer, "kernel", None) for layer in models.build("bbnn").layers]
    large = sum(
        kernel.shape.num_elements() for kernel in kernels if kernel is not None and tuple(kernel.shape[:2]) == (5, 5)
    )
    shares = " or ".join(f"{points(large / (theirs - count))} %" for count in own)
    text = (
        f"BBNN's 5 × 5 kernels have {large:,} weights, {shares} of what our two completions have less. Without them "
        f"BBNN's blocks would still have {theirs - large:,} parameters, more than {own[0]:,} or {own[1]:,}."
    )
    return fact(text, *(theirs - large <= count for count in own))


def deeper():
    ours, theirs = (int(parts(name)["layers"].sum()) for name in ("inception_resnet", "bbnn"))
    return fact(f"{ours} layers against BBNN's {theirs}, both counted in the same way.", ours > theirs)


def fewer_operations():
    own = [parts("inception_resnet", variant)["macs"].sum() for variant in VARIANTS]
    theirs = parts("bbnn")["macs"].sum()
    text = (
        f"Multiply-adds per clip: {own[0] / 1e6:,.0f} or {own[1] / 1e6:,.0f} million in our two completions, "
        f"{theirs / 1e6:,.0f} in BBNN."
    )
    return fact(text, *(count < theirs for count in own))


def parameters_and_operations():
    """Do more parameters mean more operations?"""
    counted = {NAMES[name]: parts(name) for name in ("inception_resnet", "bbnn", "baseline_a_2d", "densenet121")}
    counted = {name: table[["parameters", "macs"]].sum() for name, table in counted.items()}
    told = "; ".join(f"{name} {n['parameters']:,.0f} and {n['macs'] / 1e6:,.0f} million" for name, n in counted.items())
    text = (
        f"Parameters and multiply-adds per clip: {told}. A convolution uses a weight once at each place of its output, "
        "a fully connected layer once. In the paper's own comparison both fall."
    )
    by = {what: sorted(counted, key=lambda name: counted[name][what]) for what in ("parameters", "macs")}
    return fact(text, by["parameters"] == by["macs"])


def each_metric_higher():
    ours, theirs = IRN_4.loc["inception_resnet"], IRN_4.loc["bbnn"]
    scores = ["accuracy", "precision", "recall", "f1"]
    told = ", ".join(f"{name} {ours[name]} against {theirs[name]}" for name in scores).replace("f1", "F1")
    return fact(f"As printed: {told}.", all(ours[name] > theirs[name] for name in scores))


def memory():
    sizes = {name: parts(name)["parameters"].sum() * 4 / 1e6 for name in ("inception_resnet", "bbnn")}
    told = " against ".join(f"{size:.2f} MB" for size in sizes.values())
    return Finding(f"Weights of {told} in float32.")


def thin_kernels():
    text = "A 7 × 7 kernel has 49 weights, 1 × 7 and 7 × 1 have 14; 5 × 5 has 25, 1 × 3 and 3 × 1 have 6. At equal "
    text += "channels a place takes as many multiplications."
    return fact(text, 7 + 7 < 7 * 7, 7 + 7 < 5 * 5, 3 + 3 < 5 * 5)


def cost_of_5x5():
    costs = Counter()
    for layer in models.build("bbnn").layers:
        if (kernel := getattr(layer, "kernel", None)) is not None:
            costs[tuple(kernel.shape[:-2])] += models.macs(layer)
    share = costs[5, 5] / costs.total()
    text = (
        f"The 5 × 5 kernels take {points(share)} % of BBNN's multiplications, more than any other size; the 1 × 1 "
        f"kernels {points(costs[1, 1] / costs.total())} %."
    )
    return fact(text, costs.most_common(1)[0][0] == (5, 5))


def widths_differ():
    found = json.loads((RESULTS / "completions.json").read_text(encoding="utf-8"))["survivors"]
    differ = [len(set(completion["filters"][:3])) == 3 for completion in found]
    text = (
        "The sizes of their kernels differ: 3 × 3; 1 × 7 and 7 × 1; 1 × 3 and 3 × 1. Our search, with one width inside "
        f"each module, finds {len(found)} networks that meet every count. In {sum(differ)} of them A, B and C have "
        "three different widths."
    )
    return fact(text, *differ)


def stem_halves():
    before, *after = papers.IRN_STEM["frames"]
    built = parts("inception_resnet")["output"]["stem"]
    text = (
        f"Rounded down, {before} / 2 = {before // 2} and {before // 2} / 2 = {before // 4}. The stem that we built "
        f"gives {built[0]} × {built[1]}."
    )
    return fact(text, after == [before // 2, before // 4] and built[:2] == (after[-1], 128))


def reduction_halves():
    before, after = (parts("inception_resnet")["output"][part][:2] for part in ("module_c", "reduction"))
    text = f"{before[0]} × {before[1]} become {after[0]} × {after[1]}."
    return fact(text, all(abs(a - b / 2) <= 1 for a, b in zip(after, before)))


def same_frames():
    frames, pool = papers.IRN_STEM["frames"], papers.IRN_STEM["bbnn_pool"]
    return Finding(f"Both leave the same number of frames: {frames[0] // pool} and {frames[-1]} of {frames[0]}.")


def same_training():
    ours, theirs = (models.network(name).recipe for name in ("inception_resnet", "bbnn"))
    unlike = [
        f"{SETTINGS.get(name, name)} {getattr(ours, name)} against {getattr(theirs, name)}"
        for name in vars(ours)
        if getattr(ours, name) != getattr(theirs, name)
    ]
    windows = [features.preset(name) for name in ("inception_resnet", "bbnn")]
    unlike.append(f"window {windows[0].win_length:,} against {windows[1].n_fft:,}")
    told = ", ".join(unlike)
    return Finding(f"The paper's setting against BBNN's released code, which its authors may not have used: {told}.")


def rock_to_metal():
    metal, rock = IRN_2.loc["metal"], IRN_2.loc["rock"]
    wrong = round(metal["recall"] / metal["precision"] * 100) - round(metal["recall"])
    return Finding(
        f"Table 2: {wrong} clips were wrongly taken for metal, so at most {wrong} of rock's {100 - rock['recall']:.0f} "
        "errors can be metal."
    )


def frames_647():
    exact, padded = 1 + 30 * 22_050 // 1_024, features.preset("inception_resnet").n_frames
    text = (
        f"30 s at 22,050 Hz give {exact} frames; GTZAN's clips are a little longer, and the "
        f"{features.preset('inception_resnet').n_samples:,} samples of "
        f"BBNN's released code give {padded}."
    )
    return fact(text, rules.equals(papers.IRN_INPUT["frames"], padded, 0) == rules.HOLDS)


def hop_and_window():
    setting = papers.IRN_INPUT
    return Finding(f"{1 - setting['window'] / setting['hop']:.0%} of the samples are in no window.".replace("%", " %"))


def folds_narrow():
    widths = [np.subtract(*evaluation.wilson(round(0.941 * n), n)[::-1]) for n in (100, 1_000)]
    text = (
        f"The 95 % interval of 94.1 % is {points(widths[0])} points wide with one fold of 100 clips, "
        f"{points(widths[1])} with all ten."
    )
    return fact(text, widths[1] < widths[0])


def no_third_part():
    return Finding(f"900 clips for training and 100 for testing leave {1_000 - 900 - 100} of 1,000 for validation.")


def table_1_row(name):
    row = FMA_1.loc[name]
    text = (
        f"The F1 of its mean precision and recall is {papers.f1(row['precision'], row['recall']):.3f}. Without true "
        f"negatives the accuracy is {ORDINARY[name]:.3f}. Recall may differ from it, because the genres of a shuffled "
        "test part are not equally large."
    )
    return printed_at([f"Table 1, {name}"], "^f1", text, "FMA study")()


def printed_difference(first, second):
    p, q = ORDINARY[first], ORDINARY[second]
    half = 1.96 * np.sqrt((p * (1 - p) + q * (1 - q)) / FMA_TEST)
    text = (
        f"Accuracy without true negatives: {p:.3f} against {q:.3f}, difference {points(p - q)} points "
        f"{interval(p - q - half, p - q + half)}, if the tests were independent."
    )
    return Finding(text)


def best_in_both():
    told = ", ".join(f"{name.replace('f1', 'F1')} of {NAMES[FMA_1[name].idxmax()]}" for name in ("f1", "accuracy"))
    return fact(f"As printed, the highest: {told}.", *(FMA_1[k].idxmax() == "densenet121" for k in ("f1", "accuracy")))


def nearly_two():
    gain = 100 * (FMA_1["f1"]["densenet121"] - FMA_1["f1"]["baseline_a_2d"])
    return Finding(f"{gain:.1f} points.", rules.equals(2, gain, 0))


def overestimates():
    guess = 1 - 2 * (1 - 1 / 8) / 8
    best = ORDINARY["densenet121"]
    text = (
        f"A random guess has {guess:.3f} by this definition. The best network's {FMA_1['accuracy']['densenet121']} "
        f"means that {best:.3f} of the clips are right."
    )
    return fact(text, guess > 1 / 8, best < FMA_1["accuracy"]["densenet121"])


def at_rate(name, what, printed):
    """Whether a printed size of the FMA study follows from its window at 16,000 Hz; and what it is at 22,050."""
    setting = papers.FMA_INPUTS[name]
    exact = {
        sr: 1 + 10 * sr // setting["hop"] if what == "frames" else 1_000 * setting["window"] / sr
        for sr in (16_000, 22_050)
    }
    text = (
        f"{exact[16_000]:.0f} {what} at 16,000 Hz, the only printed rate, which is that of the waveforms; "
        f"{exact[22_050]:.0f} {what} at 22,050 Hz, to which `librosa` resamples unless told otherwise."
    )
    near = {sr: abs(value - printed) <= (0 if what == "frames" else 5) for sr, value in exact.items()}
    return fact(text, *near.values())


def six_faulty():
    text = f"{len(papers.FMA_FAULTY)} files are known to be faulty: {', '.join(papers.FMA_FAULTY)}."
    return fact(text, len(papers.FMA_FAULTY) == 6)


def rows_513():
    window = papers.FMA_INPUTS["baselines"]["window"]
    text = (
        f'Section IV calls it a mel-spectrogram, which may have any number of rows; section V an STFT, "suitably '
        f'adapted". An STFT of {window:,} samples has {1 + window // 2:,} rows, one of 1,024 has {1 + 1_024 // 2}.'
    )
    return fact(text, 1 + window // 2 == 513, 1 + 1_024 // 2 == 513)


def faster_moves_pitch():
    low, high = (12 * np.log2(factor) for factor in (0.9, 1.1))
    text = "As the paper says, resampling changes the frequencies, too"
    return Finding(f"{text}: by 0.9 to 1.1 it moves the pitch by −{-low:.1f} to +{high:.1f} semitones.")


def more_complex():
    counts = {name: int(parts(name)["parameters"].sum()) for name in ("densenet121", "baseline_a_2d", "baseline_b")}
    return fact(
        ", ".join(f"{NAMES[name]} {count:,}" for name, count in counts.items()) + " parameters.",
        *(counts["densenet121"] > count for count in list(counts.values())[1:]),
    )
