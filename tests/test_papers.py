import librosa
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from book.evidence import checks
from genre_utils import papers

pytestmark = pytest.mark.quick

SWAPPED = papers.IRN_TABLE_1.rename(columns={"precision": "recall", "recall": "precision"})


def change(table, row, column, value):
    table = table.copy()
    table[column] = table[column].astype(float)
    table.loc[row, column] = value
    return table


def seen(found):
    return set(zip(found["where"], found["printed"], found["expected"], strict=True))


def tables_of(y, p):
    """Tables 1 and 2 as an honest author would print them."""
    n = len(np.unique(y))
    precision, recall, f1, _ = 100 * np.array(metrics.precision_recall_fscore_support(y, p))
    accuracy = [100 * metrics.accuracy_score(y == k, p == k) for k in range(n)]
    two = pd.DataFrame({"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1})
    one = pd.DataFrame([two.mean()]).assign(accuracy=100 * metrics.accuracy_score(y, p))
    return one.round(2), two.round(1)


def verdicts(seed):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(10), 100)
    return y, np.where(rng.random(y.size) < rng.uniform(0.6, 0.99, 10)[y], y, rng.integers(0, 10, y.size))


def test_an_honest_paper_passes():
    for seed in range(20):
        one, two = tables_of(*verdicts(seed))
        four = pd.concat([one, one]).set_axis(["inception_resnet", "bbnn"])
        scores = {"Abstract": one.iloc[0].to_dict()}
        assert checks.check_genres(two).empty and checks.check_f1(two).empty
        assert checks.check_macro(one, 2, "Table 1").empty
        assert checks.check_scores(one, two, four, scores, round(one["accuracy"][0])).empty


@pytest.mark.parametrize("column", ["precision", "recall", "f1"])
def test_one_wrong_number_is_found_in_any_row(column):
    for seed in range(3):
        _, two = tables_of(*verdicts(seed))
        for row in two.index:
            wrong = change(two, row, column, two[column][row] + 0.3)
            found = pd.concat([checks.check_genres(wrong), checks.check_f1(wrong)])
            assert f"Table 2, {row}" in found["where"].tolist()


def test_the_misprints_that_are_known_and_no_others():
    assert checks.f1_misprints().index.tolist() == ["hiphop", "jazz", "metal"]
    found = seen(checks.check_f1())
    assert found == {
        ("Table 2, hiphop", "f1 98.9", "98.4"),
        ("Table 2, jazz", "f1 95.8", "94.9"),
        ("Table 2, metal", "f1 92.4", "95.1"),
    }
    for where, printed, expected in found:
        corrected = change(papers.IRN_TABLE_2, where.split()[-1], "f1", float(expected))
        assert seen(checks.check_f1(corrected)) == found - {(where, printed, expected)}
    assert checks.f1_misprints(change(papers.IRN_TABLE_2, "rock", "f1", 89.3)).index.tolist()[-1] == "rock"


def test_rounding_alone_is_no_misprint():
    rng = np.random.default_rng(0)
    exact = pd.DataFrame(rng.uniform(60, 99, (500, 2)), columns=["precision", "recall"])
    table = exact.round(1).assign(f1=papers.f1(exact["precision"], exact["recall"]).round(1))
    assert checks.f1_misprints(table).empty


def test_table_2_prints_recall_twice():
    twice = ("Table 2", "accuracy = recall in every row", "accuracy 97.9 to 99.7")
    found = seen(checks.check_genres())
    assert twice in found
    table = change(papers.IRN_TABLE_2, "rock", "accuracy", 97.9)
    assert seen(checks.check_genres(table)) == found - {twice}


def test_last_digits_of_table_2_that_no_whole_number_of_clips_gives():
    found = {row for row in seen(checks.check_genres()) if "precision" in row[1]}
    right = papers.IRN_TABLE_2["recall"].astype(int)
    possible = {genre: {round(100 * n / clips, 1) for clips in range(n, 1001)} for genre, n in right.items()}
    impossible = [genre for genre, printed in papers.IRN_TABLE_2["precision"].items() if printed not in possible[genre]]
    assert [
        genre for genre in papers.IRN_TABLE_2.index if f"Table 2, {genre}" in {row[0] for row in found}
    ] == impossible
    assert impossible == ["classical", "country", "disco", "hiphop", "metal"]
    cut_off = checks.check_genres()["why"].str.contains("cut off")
    assert checks.check_genres()["where"][~cut_off].tolist() == ["Table 2", "Table 2, classical"]
    for where, printed, expected in found:
        corrected = change(papers.IRN_TABLE_2, where.split()[-1], "precision", float(expected))
        left = {row for row in seen(checks.check_genres(corrected)) if "precision" in row[1]}
        assert left == found - {(where, printed, expected)}


def test_clips_taken_for_the_genres_are_all_clips():
    found = checks.check_genres(change(papers.IRN_TABLE_2, "rock", "precision", 90.5))
    assert ("Table 2", "1,002 clips", "1,000") in seen(found)
    assert not checks.check_genres()["printed"].str.contains("clips").any()


def test_table_1_has_its_columns_swapped():
    found = seen(checks.check_scores())
    swap = {("Table 1", "precision 94.10", "94.19"), ("Table 1", "recall 94.19", "94.10")}
    assert swap <= found and not swap & seen(checks.check_scores(SWAPPED))
    assert seen(checks.check_scores(SWAPPED)) == found - swap
    assert seen(checks.check_macro(papers.IRN_TABLE_1, 2, "Table 1")) == {("Table 1", "recall 94.19", "94.10")}
    assert checks.check_macro(SWAPPED, 2, "Table 1").empty
    why = checks.inconsistencies().set_index("printed")["why"]["recall 94.19"].iloc[0]
    assert why.split("; ") == [
        "mean over Table 2's genres, from whole clips",
        "the abstract",
        "the accuracy, if the genres are equally large",
    ]


def test_scores_elsewhere():
    found = seen(checks.check_scores())
    text = {("Section 5.2", "precision 94.10", "94.19"), ("Section 5.2", "recall 94.19", "94.10")}
    cut_off = {("Table 1", "f1 94.08", "94.09"), ("Sections 1 and 2", "BBNN's accuracy 93", "94")}
    assert text | cut_off <= found
    one = {"Abstract": papers.IRN_SCORES["Abstract"]}
    assert seen(checks.check_scores(SWAPPED, scores=one, bbnn=94)) == {("Table 1", "f1 94.08", "94.09")}
    four = change(papers.IRN_TABLE_4, "inception_resnet", "precision", 94.29)
    assert ("Table 4", "precision 94.29", "94.19") in seen(checks.check_scores(table_4=four))


def test_table_4_recall_of_equal_genres_is_accuracy():
    assert seen(checks.check_macro()) == {("Table 4, bbnn", "recall 94.0", "93.9")}
    assert checks.check_macro(change(papers.IRN_TABLE_4, "bbnn", "recall", 93.9)).empty
    wrong = checks.check_macro(change(papers.IRN_TABLE_4, "inception_resnet", "f1", 94.19))
    assert wrong["expected"].tolist()[0] == "at most 94.15" and len(wrong) == 2
    wrong = checks.check_macro(change(papers.IRN_TABLE_4, "inception_resnet", "recall", 94.12))
    assert ("Table 4, inception_resnet", "recall 94.12", "94.10") in seen(wrong)


def test_parameters():
    unlike = ("Table 4, bbnn", "185,642 parameters", "190,826")
    marks = {("Table 3", "1.600", "1,600"), ("Table 3", "149.418", "149,418")}
    assert seen(checks.check_parameters()) == {unlike} | marks
    alike = change(papers.IRN_TABLE_4, "bbnn", "parameters", 190_826)
    assert seen(checks.check_parameters(table_4=alike)) == marks
    text = ("147,818", "1,600", "149,418")
    assert seen(checks.check_parameters(text=text)) == {unlike}
    three = papers.IRN_TABLE_3.assign(trainable=147_819)
    assert ("Table 3", "149,418 parameters", "149,419") in seen(checks.check_parameters(three))
    four = change(papers.IRN_TABLE_4, "inception_resnet", "parameters", 149_481)
    assert ("Table 4", "149,481 parameters", "149,418") in seen(checks.check_parameters(table_4=four))


def test_layers_and_shapes_of_inception_resnet():
    quarter = ("Sections 3 and 5.3", "pooling (4, 1) reduces by 25%", "75%")
    assert seen(checks.check_layers()) == {quarter}
    assert checks.check_layers(stem=papers.IRN_STEM | {"bbnn_removes": 0.75}).empty
    assert ("Section 3", "89 layers", "90") in seen(checks.check_layers(papers.IRN_LAYERS | {"stem": 6}))
    modules = papers.IRN_MODULE_LAYERS | {"module_b": 17}
    assert ("Section 3, modules", "54 layers", "55") in seen(checks.check_layers(modules=modules))
    stem = papers.IRN_STEM | {"frames": (647, 324, 162)}
    assert ("Section 3, stem", "324 frames", "323") in seen(checks.check_layers(stem=stem))


def test_frames_follow_from_length_rate_and_hop():
    assert seen(checks.check_input()) == {
        ("Section 4.2", "647 frames", "646"),
        ("Section 4.2", "window 512, hop 1,024", "hop at most window"),
    }
    bbnn = papers.IRN_INPUT | {"seconds": 661_794 / 22_050}
    assert checks.check_input(bbnn)["printed"].tolist() == ["window 512, hop 1,024"]
    assert checks.check_input(bbnn | {"window": 2_048}).empty
    for setting in papers.FMA_INPUTS.values():
        found = checks.check_input(setting).set_index("printed")["expected"]
        clip = np.zeros(setting["seconds"] * setting["sr"], dtype=np.float32)
        shape = librosa.stft(clip, n_fft=setting["window"], hop_length=setting["hop"]).shape
        assert found[f"{setting['frames']} frames"] == str(shape[1]) != str(setting["frames"])
        if "rows" in setting:
            assert found["513 rows of an STFT (Section V)"] == f"{shape[0]:,}"
        at_gtzans_rate = checks.check_input(setting | {"sr": 22_050, "rows": None})
        assert at_gtzans_rate.empty
    assert checks.check_input(papers.FMA_INPUTS["baselines"])["expected"].tolist() == ["93", "217", "1,737"]
    assert checks.check_input(papers.FMA_INPUTS["densenet121"])["expected"].tolist() == ["162", "124"]


def test_the_fma_study_follows_its_own_definitions_but_for_an_uneven_test_set():
    table = papers.FMA_TABLE_1
    assert checks.check_f1(table, 3).empty
    for row in table.index:
        assert len(checks.check_f1(change(table, row, "f1", table["f1"][row] + 0.004), 3)) == 1
    uneven = checks.inconsistencies().query("paper == 'FMA study' and where.str.startswith('Table 1')")
    assert uneven["where"].tolist() == [f"Table 1, {name}" for name in ("baseline_a_2d", "densenet121", "fusion")]


def test_the_text_orders_the_networks_as_the_tables_do():
    table, four = papers.FMA_TABLE_1, papers.IRN_TABLE_4.drop(columns="parameters")
    for name in ("f1", "accuracy"):
        assert table[name].idxmax() == "densenet121"
        assert table[name]["baseline_a_2d"] > table[name][["baseline_a_1d", "baseline_b"]].max()
    assert (four.loc["inception_resnet"] > four.loc["bbnn"]).all()
    assert papers.IRN_TABLE_4["parameters"].idxmin() == "inception_resnet"
    two = papers.IRN_TABLE_2
    assert two.index[two["accuracy"] < 90].tolist() == ["rock"] and two.index[two["precision"] < 90].tolist() == ["pop"]


def test_densenet_halves_its_channels():
    assert seen(checks.check_densenet()) == {("Section V", "transitions increasing the channels", "decreasing")}
    assert checks.check_densenet()["why"].tolist() == ["256 to 128, 512 to 256, 1024 to 512"]
    assert checks.check_densenet(transitions="decreasing").empty
    assert ("Section V", "121 layers", "169") in seen(checks.check_densenet(blocks=(6, 12, 32, 32)))


def test_all_findings_in_one_table():
    found = checks.inconsistencies()
    assert found.columns.tolist() == ["where", "printed", "expected", "why", "paper"]
    assert not found.duplicated(["where", "printed", "paper"]).any() and found.notna().all(axis=None)
    every = [checks.check_scores(), checks.check_f1(), checks.check_genres(), checks.check_parameters()]
    every += [checks.check_macro(), checks.check_input(), checks.check_layers()]
    assert set.union(*map(seen, every)) == seen(found.query("paper == 'Inception-ResNet'"))


def test_fma_accuracy_counts_true_negatives():
    y, p = np.random.default_rng(0).integers(0, 8, (2, 400))
    with_negatives = np.mean([np.mean((y == k) == (p == k)) for k in range(8)])
    assert papers.ordinary_accuracy(with_negatives, 8) == pytest.approx(np.mean(y == p))
    assert papers.ordinary_accuracy(0.892, 8) == pytest.approx(0.568)
