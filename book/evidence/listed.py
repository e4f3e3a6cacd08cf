"""What the two papers claim: tables, figures, and the sentences that assert something."""

from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import NamedTuple

from genre_utils import features

from . import rules
from .arithmetic import (
    FMA_1,
    IRN_2,
    ORDINARY,
    at_rate,
    bbnn_log,
    bbnn_total,
    best_in_both,
    cost_of_5x5,
    counts_add,
    deeper,
    due_to_5x5,
    each_metric_higher,
    fact,
    faster_moves_pitch,
    fewer_in_modules,
    fewer_operations,
    fewer_parameters,
    folds_narrow,
    frames_647,
    hop_and_window,
    layers_add,
    leads,
    mean_accuracy,
    memory,
    modules_add,
    more_complex,
    nearly_two,
    no_third_part,
    overestimates,
    parameters_and_operations,
    printed_at,
    printed_difference,
    reduction_halves,
    rock_to_metal,
    rows_513,
    same_frames,
    same_training,
    six_faulty,
    stem_halves,
    table_1_row,
    thin_kernels,
    widths_differ,
    worst_genre,
)
from .measured import (
    FMA,
    GTZAN,
    NAMES,
    Finding,
    artists_matter,
    choice_of_weights,
    completions_train,
    curves_rise,
    difference,
    final_gap,
    genre_is_hardest,
    level,
    more_overfitting,
    taken_for,
    test_below_validation,
)

NO_SOUND = "we have no waveforms of fma_small, only log-mels of 128 × 128"
NO_GTZAN_SOUND = "we have waveforms of 20 of GTZAN's clips, and of the others only log-mels of 387 × 128"
NO_ABLATION = "it needs a run in which only this is changed, and no run on the list is of that kind"
OTHERS = "it repeats what another study says"
QUOTED = "it quotes another study, whose predictions we do not have; [related work](related.md) says what is known"
FIGURE = "it is in a figure, and we have only the text of the paper"
NO_DEVICE = "it needs a device that we do not have"
VAGUE = "it names nothing that can be measured"


class Claim(NamedTuple):
    """What a paper says.

    Attributes
    ----------
    subject, text, place : str
        Heading on the page; the claim as printed; table, figure or section.
    notebook : str
        Number of the one that looks into it.
    arithmetic : callable, optional
        Returns a `Finding` from printed and counted numbers.
    measured : callable, optional
        Takes `Runs`, returns a `Finding`, or raises `NotTested`.
    reason : str
        Why nobody here can test it.
    headline : str
        Of the most important claims: a name for it.
    """

    subject: str
    text: str
    place: str
    notebook: str
    arithmetic: Callable | None = None
    measured: Callable | None = None
    reason: str = ""
    headline: str = ""


def _genre_rows():
    for genre, row in IRN_2.iterrows():
        text = f"{genre}: precision {row['precision']}, recall {row['recall']}, F1 {row['f1']}"
        told = f"{row['recall']:.0f} of 100 clips are right, and whole numbers of clips give all three values."
        yield Claim("Scores", text, "Table 2", "10", printed_at([f"Table 2, {genre}"], "", told))


BY_ARTIST = {
    "inception_resnet": ["gtzan_10fold_{}_0.001_chosen_on_validation", "gtzan_9fold_artist_{}"],
    "baseline_a_2d": ["gtzan_10fold_{}_chosen_on_validation", "gtzan_9fold_artist_{}"],
    "svm": ["gtzan_10fold_{}", "gtzan_9fold_artist_{}"],
}
AGAINST_BBNN = partial(difference, "inception_resnet", "bbnn", GTZAN)
IRN_CLAIMS = [
    Claim("Scores", "Accuracy 94.10 %, the mean of ten folds", "Abstract, Tables 1 and 4", "10", mean_accuracy,
          headline="Table 1's accuracy follows from Table 2"),
    Claim("Scores", "Precision 94.19 %, recall 94.10 %", "Abstract, Table 4", "10",
          printed_at(["Abstract", "Table 4, inception_resnet"], "precision|recall",
                     "These are the means over Table 2's genres, recomputed from whole clips.")),
    Claim("Scores", "Precision 94.10 %, recall 94.19 %", "Table 1, section 5.2", "10",
          printed_at(["Table 1", "Section 5.2"], "precision|recall", "")),
    Claim("Scores", "F1 94.08 %", "Abstract, Tables 1 and 4, section 5.2", "10",
          printed_at(["Abstract", "Table 1", "Table 4", "Section 5.2"], "^f1", "")),
    *_genre_rows(),
    Claim("Scores", "An accuracy of each genre, the same as its recall", "Table 2", "10",
          printed_at(["Table 2"], "accuracy", "")),
    Claim("Scores", '"There are genres with accuracy under 90 %, such as rock"', "Section 5.2, Table 2", "10",
          partial(worst_genre, "recall")),
    Claim("Scores", '"There are genres with precision under 90 %, such as pop"', "Section 5.2, Table 2", "10",
          partial(worst_genre, "precision")),
    Claim("Scores", "BBNN's accuracy 93.90 %, recall 94.0 %", "Table 4", "11",
          printed_at(["Table 4, bbnn"], "recall", "")),
    Claim("Scores", "BBNN's precision 93.7 %, F1 93.7 %", "Table 4", "11",
          reason="neither its predictions nor its scores by genre are published"),
    Claim("Scores", "BBNN \"reported an accuracy of 93 %\"", "Sections 1 and 2", "11",
          printed_at(["Sections 1 and 2"], "", "")),
    Claim("Scores", "Inception-ResNet classifies 94.10 % of GTZAN's clips correctly", "Abstract, Table 1", "10", None,
          level("inception_resnet", 0.9410, GTZAN), headline="Inception-ResNet reaches 94.10 %"),
    Claim("Scores", "BBNN classifies 93.90 % of GTZAN's clips correctly", "Table 4", "10", bbnn_log,
          level("bbnn", 0.9390, GTZAN)),
    Claim("Parameters and layers", "147,818 trainable and 1,600 non-trainable parameters, 149,418 in all",
          "Abstract, Table 3", "06", counts_add, headline="149,418 parameters add up and can be built"),
    Claim("Parameters and layers", "89 layers: stem 5, modules 54, reduction 23, fully connected 7", "Section 3", "06",
          layers_add, headline="the 89 layers add up and can be built"),
    Claim("Parameters and layers", "Modules A, B and C have 22, 16 and 16 layers", "Section 3", "06",
          modules_add),
    Claim("Parameters and layers", "BBNN has 185,642 parameters in total", "Table 4", "05", bbnn_total,
          headline="BBNN's count in Table 4 is a total"),
    Claim("Parameters and layers", "Inception-ResNet has fewer parameters than BBNN", "Sections 5.3 and 6, Table 4",
          "11", fewer_parameters, headline="Inception-ResNet has fewer parameters than BBNN"),
    Claim("Parameters and layers", "Its modules have fewer parameters than BBNN's InceptionV1 modules", "Section 5.3",
          "11", fewer_in_modules),
    Claim("Parameters and layers", 'This "is due to the absence of using convolutional layers with larger filters"',
          "Section 5.3", "11", due_to_5x5),
    Claim("Parameters and layers", '"This allows the authors to create a deeper architecture"', "Sections 3 and 5.3",
          "06", deeper),
    Claim("Parameters and layers",
          'The number of parameters "is directly related to computational cost": with more of them more operations',
          "Section 5.2", "06", parameters_and_operations),
    Claim("Parameters and layers", "Lower computational cost than BBNN", "Sections 1 and 5.3", "11", fewer_operations),
    Claim("Parameters and layers",
          "1 × 7 and 7 × 1, or 1 × 3 and 3 × 1, in place of large kernels reduce parameters and computations",
          "Sections 3 and 5.3", "06", thin_kernels),
    Claim("Parameters and layers", "5 × 5 kernels give InceptionV1 blocks a high computational cost",
          "Sections 1 and 2", "05", cost_of_5x5),
    Claim("Parameters and layers", '"Each Inception-ResNet module has a different number and size of filters"',
          "Section 3", "06", widths_differ),
    Claim("Parameters and layers", "The stem reduces (647, 128) to (323, 128) and (161, 128)", "Section 3", "06",
          stem_halves),
    Claim("Parameters and layers", "The reduction module halves the feature dimension", "Section 3", "06",
          reduction_halves),
    Claim("Parameters and layers", "Max-pooling (4, 1) \"reduces the input dimension by a quarter\"",
          "Sections 3 and 5.3", "06", printed_at(["Sections 3 and 5.3"], "", "")),
    Claim("Parameters and layers", "Fewer parameters help on devices with limited resources, such as mobile phones",
          "Sections 5.3 and 6", "11", memory, reason=NO_DEVICE),
    Claim("Comparison with BBNN", "Table 4 has \"higher values in each metric\" for Inception-ResNet",
          "Section 5.3, Table 4", "11", each_metric_higher),
    Claim("Comparison with BBNN", "Inception-ResNet is more accurate than BBNN", "Section 6, Table 4", "11", leads,
          AGAINST_BBNN(), headline="Inception-ResNet is more accurate than BBNN"),
    Claim("Comparison with BBNN", "Inception-ResNet has a higher F1 than BBNN", "Section 6, Table 4", "11", None,
          AGAINST_BBNN(score="f1")),
    Claim("Comparison with BBNN", '"Significantly improving performance"', "Abstract", "11", leads,
          reason="it does not say over what; over BBNN, the only network compared, the printed counts show no "
                 "significant difference"),
    Claim("Comparison with BBNN", "Both \"have undergone the same training process and dataset pre-processing\"",
          "Section 5.3", "11", same_training, reason="neither training is published"),
    Claim("Comparison with BBNN", "Pooling (4, 1) loses information; two stages of (2, 1) retain it",
          "Sections 1, 3 and 5.3", "06", same_frames, reason=NO_ABLATION),
    Claim("Comparison with BBNN", "Depth captures more complex features; BBNN's shallowness limits it",
          "Sections 1, 5.3 and 6", "06", reason=NO_ABLATION),
    Claim("Comparison with BBNN", "Higher accuracy enhances recommender systems and other applications", "Section 5.3",
          "11", reason=VAGUE),
    Claim("Training and errors", "The network trains with Adam at a learning rate of 0.01", "Section 4.3", "06", None,
          completions_train("0.01")),
    Claim("Training and errors",
          '"A consistent increase in validation accuracy and a decrease in validation loss"', "Section 5.2, Figure 7",
          "10", None, curves_rise("inception_resnet", GTZAN)),
    Claim("Training and errors",
          "Training and validation accuracy: no \"significant difference\", \"does not suffer from overfitting\"",
          "Section 5.2, Figure 7", "10", None, final_gap("inception_resnet", GTZAN)),
    Claim("Training and errors",
          '"The model can generalize well", as it does on validation data; we ask: to other artists, too?',
          "Section 5.2", "13", None, artists_matter("inception_resnet", BY_ARTIST),
          headline="what Inception-ResNet has learnt carries over to other artists (our question)"),
    Claim("Training and errors", "Each epoch is judged by validation data that training does not use", "Section 5.1",
          "10", no_third_part, choice_of_weights("baseline_a_2d", "gtzan_10fold_baseline_a_2d_{}")),
    Claim("Training and errors", "10-fold cross-validation lessens the uncertainty of one division", "Section 4.3",
          "10", folds_narrow),
    Claim("Training and errors", "By Table 2 rock has the lowest recall", "Section 5.2, Table 2", "10", None,
          genre_is_hardest("inception_resnet", "rock", GTZAN)),
    Claim("Training and errors", "Some rock is misclassified as metal because the two are similar",
          "Section 5.2, Figure 8", "10", rock_to_metal,
          taken_for("inception_resnet", "rock", ["metal"], GTZAN, often=False)),
    Claim("Training and errors", "Predictions for single clips", "Figure 9", "14", reason=FIGURE),
    Claim("Training and errors", "100 epochs on a Tesla P100, with 15 GB of RAM", "Section 4.3", "09",
          reason=NO_DEVICE),
    Claim("Data and input", "GTZAN's clips give mel-spectrograms of 128 × 647", "Section 4.2", "02", frames_647),
    Claim("Data and input", "A window of 512 samples and a hop of 1,024", "Section 4.2", "02", hop_and_window,
          reason=NO_GTZAN_SOUND),
    Claim("Data and input", "GTZAN is the most widely used public dataset for genre recognition", "Section 4.1", "01",
          reason=OTHERS),
    Claim("Related work", "Humans reach 70 %, and SVM and GMM more", "Section 2", "01", reason=QUOTED),
    Claim("Related work", "Stacked hidden layers reach 84 % on GTZAN", "Section 2", "10", reason=QUOTED),
    Claim("Related work", "LSTM and GRU reach 91 and 92 % on GTZAN", "Section 2", "10", reason=QUOTED),
    Claim("Related work", "NNet2 reaches 87 % on GTZAN", "Section 2", "04",
          lambda: Finding("The paper's reference is He et al. (2016), which has no music."), reason=QUOTED),
    Claim("Related work", "Inception-ResNet trains faster than Inception, as accurately", "Section 1", "06",
          reason=OTHERS),
]  # fmt: skip

CALLED = {
    ("baseline_a_1d", "baseline_a_2d"): '"The 2D input signal proves to be more informative"',
    ("baseline_a_2d", "baseline_b"): 'A-2D "unexpectedly outperforms even the Baseline B"',
    ("densenet121", "fusion"): "The fusion is less accurate than DenseNet",
}


def _pair_rows():
    for first, second in combinations(FMA_1.index, 2):
        ahead, behind = sorted((first, second), key=lambda name: -FMA_1["f1"][name])
        better = f"{NAMES[ahead]} is better than {NAMES[behind]}"
        text = f"{CALLED[first, second]}: {better}" if (first, second) in CALLED else better
        sound = {"baseline_a_1d", "fusion"} & {first, second}
        yield Claim(
            "Table 1: which is better",
            text,
            "Section VI, Table 1" if (first, second) in CALLED or "densenet121" in (first, second) else "Table 1",
            "12",
            partial(printed_difference, ahead, behind),
            None if sound else difference(ahead, behind, FMA),
            NO_SOUND if sound else "",
            "" if sound or "densenet121" in (first, second) else better,
        )


def _level_rows():
    for name in FMA_1.index:
        text = f"{NAMES[name]}: F1 {FMA_1['f1'][name]}, accuracy {FMA_1['accuracy'][name]}"
        sound = name in ("baseline_a_1d", "fusion")
        measured = None if sound else level(name, ORDINARY[name], FMA)
        arithmetic = partial(_ordinary, name)
        yield Claim("Table 1: levels", text, "Table 1", "12", arithmetic, measured, NO_SOUND if sound else "")


def _ordinary(name):
    return Finding(f"Without true negatives, {ORDINARY[name]:.3f} of the clips are right.")


def _consistency_rows():
    for name, row in FMA_1.iterrows():
        text = f"{NAMES[name]}: F1 {row['f1']} from precision {row['precision']} and recall {row['recall']}"
        yield Claim("Table 1: consistency", text, "Table 1", "10", partial(table_1_row, name))


FMA_CLAIMS = [
    *_pair_rows(),
    Claim("Table 1: which is better", "DenseNet's F1 surpasses A-2D's \"by nearly 2 %\"", "Section VI", "12",
          nearly_two),
    Claim("Table 1: which is better", "DenseNet has the best F1: it is ahead of A-2D", "Sections VI and VII, Table 1",
          "12", None, difference("densenet121", "baseline_a_2d", FMA, score="f1")),
    Claim("Table 1: which is better",
          "DenseNet's results \"do not significantly surpass those of simpler architectures\"", "Section VII", "12",
          partial(printed_difference, "densenet121", "baseline_a_2d"),
          difference("densenet121", "baseline_a_2d", FMA, rules.no_better),
          headline="DenseNet does not significantly surpass a small network"),
    Claim("Table 1: which is better", 'DenseNet "outperforms all others in both considered metrics"',
          "Section VI, Table 1", "12", best_in_both),
    Claim("Table 1: which is better", "The fusion \"achieves results comparable to those of DenseNet\"",
          "Section I", "12", partial(printed_difference, "densenet121", "fusion"), reason=NO_SOUND),
    *_level_rows(),
    *_consistency_rows(),
    Claim("Table 1: consistency", "The accuracy with true negatives overestimates", "Section VI", "10", overestimates,
          headline="accuracy that counts true negatives overestimates, as the FMA study warns"),
    Claim("Genres and training", "DenseNet classifies all genres \"more evenly\" than others", "Section VI, Figure 8",
          "12", None, difference("densenet121", "baseline_a_2d", FMA, score="evenness")),
    Claim("Genres and training", "\"The pop class lags behind\"", "Section VI, Figures 7 and 8", "12", None,
          genre_is_hardest("densenet121", "Pop", FMA)),
    Claim("Genres and training", "Pop is \"often misclassified as folk or experimental\"", "Section VI, Figure 8", "12",
          None, taken_for("densenet121", "Pop", ["Folk", "Experimental"], FMA)),
    Claim("Genres and training", "F1 on the validation set rises subtly over the epochs", "Section VI, Figure 7", "12",
          None, curves_rise("densenet121", FMA, consistently=False)),
    Claim("Genres and training", "DenseNet is more complex than the baselines", "Section VI", "07", more_complex),
    Claim("Genres and training", "DenseNet is more prone to overfitting", "Section VI", "12", None,
          more_overfitting("densenet121", "baseline_a_2d", FMA)),
    Claim("Genres and training", "The shortcut of Baseline B is \"useful for avoiding overfitting\"", "Section V", "04",
          reason=NO_ABLATION),
    Claim("Genres and training", "A shortcut \"is known to\" improve accuracy", "Section III", "04",
          partial(printed_difference, "baseline_b", "baseline_a_2d"), reason=NO_ABLATION),
    Claim("Genres and training",
          "Test results are \"slightly inferior\" to those of the training and validation set", "Section VII", "12",
          None, test_below_validation(["baseline_a_2d", "baseline_b"], FMA),
          headline="test results lie below validation results"),
    Claim("Genres and training", "A weight decay of 0.0001 reduces overfitting", "Section V", "12",
          reason=NO_ABLATION),
    Claim("Networks", "densenet121 with blocks of 6, 12, 24 and 16 layers", "Section V", "07",
          printed_at(["Section V"], "layers", "These add up to 121 layers with weights.", "FMA study")),
    Claim("Networks", "Transition layers \"increasing the number of channels\"", "Section V", "07",
          printed_at(["Section V"], "transitions", "", "FMA study"),
          headline="DenseNet's transitions increase the channels"),
    Claim("Networks", "Early fusion is unfeasible, \"given the different shape of the data\"", "Section V", "08",
          reason=NO_SOUND),
    Claim("Data and input", "8,000 songs, six of them corrupted", "Section IV", "12",
          six_faulty),
    Claim("Data and input", "FMA has 106,574 tracks, 161 genres, 16,341 artists and 14,854 albums", "Section IV", "12",
          reason=OTHERS),
    Claim("Data and input", "10 s at 16,000 Hz are 160,000 samples", "Section IV", "04",
          lambda: fact(f"10 · 16,000 = {10 * 16_000:,}.", features.preset("fma_waveform").n_samples == 10 * 16_000)),
    Claim("Data and input", "16,000 Hz improve accuracy, as another study found", "Section IV", "02", reason=NO_SOUND),
    Claim("Data and input", "A window of 3,472 samples is about 160 ms", "Section IV", "02",
          partial(at_rate, "baselines", "ms", 160)),
    Claim("Data and input", "With it, 10 s give 128 frames", "Section IV", "02",
          partial(at_rate, "baselines", "frames", 128)),
    Claim("Data and input", "A window of 1,976 samples is about 90 ms", "Section IV", "02",
          partial(at_rate, "densenet121", "ms", 90)),
    Claim("Data and input", "With it, 10 s give 224 frames", "Section IV", "02",
          partial(at_rate, "densenet121", "frames", 224)),
    Claim("Data and input", "Baseline B's input of 513 rows is an STFT spectrogram", "Section V", "04", rows_513),
    Claim("Data and input", "Random crops expand the dataset \"without distorting the audio content\"", "Section IV",
          "03", reason=NO_SOUND),
    Claim("Data and input", "Noise and a changed speed add variability \"without compromising genre identification\"",
          "Sections I and IV", "03", faster_moves_pitch, reason=NO_SOUND),
    Claim("Related work and outlook", "Performances \"close to the ones obtained by other state-of-the-art models\"",
          "Section I", "12", reason="no figure of another model is given"),
    Claim("Related work and outlook", "The framework requires minimal prior knowledge and scales well", "Section I",
          "12", reason=VAGUE),
    Claim("Related work and outlook",
          "Spectrograms outperform raw audio, except with large data (Dieleman and Schrauwen; Pons et al.)",
          "Section II", "04", reason=QUOTED),
    Claim("Related work and outlook", "Networks made for images outperform recurrent ones", "Section II", "07",
          reason=QUOTED),
    Claim("Related work and outlook", "Deeper networks and larger data promise more", "Section VII", "12",
          reason=VAGUE),
]  # fmt: skip
