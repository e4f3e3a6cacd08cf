import numpy as np
import pandas as pd
import pytest

from genre_utils import papers


def change(table, row, column, value):
    table = table.copy()
    table.loc[row, column] = value
    return table


def test_the_misprints_that_are_known_and_no_others():
    assert papers.f1_misprints().index.tolist() == ["hiphop", "jazz", "metal"]
    table = papers.IRN_TABLE_2.copy()
    table["f1"] = papers.f1(table["precision"], table["recall"]).round(1)
    assert papers.f1_misprints(table).empty and papers.check_f1(table).empty
    assert papers.f1_misprints(change(table, "rock", "f1", 89.3)).index.tolist() == ["rock"]


def test_rounding_alone_is_no_misprint():
    rng = np.random.default_rng(0)
    exact = pd.DataFrame(rng.uniform(60, 99, (500, 2)), columns=["precision", "recall"])
    table = exact.round(1).assign(f1=papers.f1(exact["precision"], exact["recall"]).round(1))
    assert papers.f1_misprints(table).empty


def test_table_1_has_its_columns_swapped():
    found = papers.check_macro()
    assert found["printed"].tolist() == ["precision 94.10", "recall 94.19"]
    assert found["expected"].tolist() == ["94.19", "94.10"]
    swapped = papers.IRN_TABLE_1.rename(columns={"precision": "recall", "recall": "precision"})
    assert papers.check_macro(swapped).empty and papers.check_abstract(table_1=swapped).empty
    assert papers.check_abstract()["printed"].tolist() == ["precision 94.10", "recall 94.19"]
    assert papers.check_macro(swapped, change(papers.IRN_TABLE_2, "rock", "recall", 90.0)).shape[0] > 0
    (clips,) = papers.check_macro(swapped, change(papers.IRN_TABLE_2, "rock", "precision", 90.5))["printed"].tail(1)
    assert clips == "1002 clips"


def test_table_2_prints_recall_twice():
    assert len(papers.check_columns()) == 1
    assert papers.check_columns(change(papers.IRN_TABLE_2, "rock", "accuracy", 97.9)).empty


def test_recall_of_equal_genres_is_accuracy():
    table = papers.IRN_TABLE_4
    found = papers.check_recall(table["accuracy"], table["recall"], 0.055, "Table 4")
    assert found["where"].tolist() == ["Table 4, bbnn"]
    assert papers.check_recall(table["accuracy"], table["accuracy"].round(1), 0.055, "Table 4").empty


def test_table_4_compares_unlike_counts():
    (found,) = papers.check_parameters().itertuples()
    assert (found.printed, found.expected) == ("185,642 parameters", "190,826")
    assert papers.check_parameters(table_4=change(papers.IRN_TABLE_4, "bbnn", "parameters", 190_826)).empty
    broken = papers.check_parameters(table_3=papers.IRN_TABLE_3.assign(trainable=147_819))
    assert "149,419" in broken["expected"].tolist()
    broken = papers.check_parameters(layers=papers.IRN_LAYERS | {"stem": 6, "modules": 53})
    assert broken["expected"].tolist()[1:] == ["54"]


def test_frames_follow_from_length_rate_and_hop():
    printed = papers.IRN_INPUT
    assert papers.check_input(**printed, name="")["printed"].tolist() == ["647 frames", "window 512, hop 1,024"]
    assert papers.check_input(**printed | {"seconds": 661_794 / 22_050, "window": 2_048}, name="").empty
    for values in papers.FMA_INPUTS.values():
        assert len(papers.check_input(**values, name="")) == 1
        assert papers.check_input(**values | {"sr": 22_050}, name="").empty


def test_the_fma_study_follows_its_own_definitions_but_for_an_uneven_test_set():
    assert papers.check_f1(papers.FMA_TABLE_1, 3).empty
    assert len(papers.check_f1(change(papers.FMA_TABLE_1, "fusion", "f1", 0.560), 3)) == 1
    found = papers.inconsistencies().query("paper == 'FMA study'")
    assert found["where"].tolist()[:3] == ["Table 1, baseline_a_2d", "Table 1, densenet121", "Table 1, fusion"]


def test_all_findings_in_one_table():
    found = papers.inconsistencies()
    assert found.columns.tolist() == ["where", "printed", "expected", "why", "paper"]
    for where in (
        "Table 1",
        "Table 2",
        "Table 2, hiphop",
        "Table 2, jazz",
        "Table 2, metal",
        "Table 4, bbnn",
        "Section 4.2",
    ):
        assert where in found.query("paper == 'Inception-ResNet'")["where"].tolist()


def test_fma_accuracy_counts_true_negatives():
    y, p = np.random.default_rng(0).integers(0, 8, (2, 400))
    with_negatives = np.mean([np.mean((y == k) == (p == k)) for k in range(8)])
    assert papers.ordinary_accuracy(with_negatives, 8) == pytest.approx(np.mean(y == p))
    assert papers.ordinary_accuracy(0.892, 8) == pytest.approx(0.568)
