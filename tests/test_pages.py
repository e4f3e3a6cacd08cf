"""What is written into pages when the book is staged, and the code that a page shows without running it."""

import json
import math
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from conftest import ROOT, tone

from book.build import BookError, picture, publish
from book.evidence import RESULTS, hours, roofline, scaling, scoreboard
from book.evidence.measured import Runs
from genre_utils import datasets, evaluation, features

quick = pytest.mark.quick
KEPT = "gtzan_filtered_{}_0.json"


@pytest.fixture
def some(tmp_path):
    """A folder with the list of runs, the SVM, logistic regression and one network."""
    for name in ("svm", "logistic_regression", "baseline_a_2d"):
        shutil.copy(RESULTS / KEPT.format(name), tmp_path)
    shutil.copy(RESULTS / "runs.toml", tmp_path)
    return tmp_path


def predict(path, share, first=0):
    """Let a kept run have a given share of its clips right; which, begins with `first`."""
    content = json.loads(path.read_text())
    table = pd.DataFrame(content["predictions"])
    wrong = (np.arange(len(table)) + first) % 10 >= round(10 * share)
    predicted = np.where(wrong, (table["label"] + 1) % 10, table["label"]).tolist()
    content["predictions"]["predicted"] = predicted
    for k in range(10):
        content["predictions"][f"p_{k}"] = [float(k == label) for label in predicted]
    path.write_text(json.dumps(content))


@quick
def test_the_scoreboard_says_what_the_kept_runs_say(some):
    block = scoreboard.block(some)
    found = {name: evaluation.load(some / KEPT.format(name)) for name in ("svm", "baseline_a_2d")}
    pair = evaluation.compare(found).pairs.iloc[0]
    assert f"{100 * found['svm'].right.mean():.1f} [" in block
    assert f"{-100 * pair['difference']:.1f} [".replace("-", "−") in block
    assert "not run yet" in block.lower() and "Inception-ResNet" in block
    assert "{cite:t}`kereliuk2015`" in block


@quick
def test_the_scoreboard_leaves_no_run_of_its_split_out():
    of_the_split = {name for name in Runs(RESULTS).planned if name.startswith("gtzan_filtered_")}
    assert of_the_split <= set(map(scoreboard.RUN.format, scoreboard.CHAPTERS))


@quick
@pytest.mark.parametrize(
    "svm, network, finding",
    [
        (0.5, 0.9, "Baseline A-2D is shown to be more accurate than the SVM."),
        (0.9, 0.5, "No classifier here is shown to be more accurate than the SVM. Baseline A-2D is shown to be less"),
        (0.7, 0.7, "Baseline A-2D is not shown to differ from the SVM."),
    ],
)
def test_the_finding_follows_from_the_interval(some, svm, network, finding):
    (some / KEPT.format("logistic_regression")).unlink()
    predict(some / KEPT.format("svm"), svm)
    predict(some / KEPT.format("baseline_a_2d"), network, first=5)
    block = scoreboard.block(some)
    assert finding in block
    [row] = [line for line in block.replace("−", "-").splitlines() if line.startswith("| [Baseline A-2D]")]
    difference, low, high = (float(x) for x in re.findall(r"[+-]?\d+\.\d", row.split("|")[-2]))
    shares = [evaluation.load(some / KEPT.format(name)).right.mean() for name in ("svm", "baseline_a_2d")]
    assert low < difference < high and difference == pytest.approx(100 * (shares[1] - shares[0]), abs=0.06)


@quick
def test_missing_and_damaged_runs_are_told(some):
    (some / KEPT.format("baseline_a_2d")).write_text('{"layout": 2')
    assert "Left out, for a kept file is damaged: Baseline A-2D." in scoreboard.block(some)
    for name in ("baseline_a_2d", "logistic_regression"):
        (some / KEPT.format(name)).unlink()
    assert "| [SVM]" in scoreboard.block(some) and "**" not in scoreboard.block(some)
    (some / KEPT.format("svm")).unlink()
    assert scoreboard.block(some).startswith("The scoreboard compares with the SVM, whose result is not here. Not run")


def test_the_picture_brings_its_files_along(tmp_path):
    block = picture.block(tmp_path)
    addresses = re.findall(r'src="\.\./_static/media/([^"]+)"', block)
    assert len(addresses) == 2 * len(picture.CLIPS) == len(set(addresses))
    assert all((tmp_path / name).stat().st_size > 1_000 for name in addresses)
    assert block.count('preload="none"') == len(picture.CLIPS) and "<script" not in block


@quick
def test_pages_have_the_places_that_staging_fills(tmp_path):
    (tmp_path / "book").mkdir()
    for page in ROOT.glob("book/*.md"):
        shutil.copy(page, tmp_path / "book")
    texts = {comment: f"text of {comment[2:]}" for comment in publish.PLACES if comment != "% claims"}
    publish.write_in_places(tmp_path, texts)
    for comment, text in texts.items():
        for name in publish.PLACES[comment]:
            assert f"\n\n{text}\n\n" in (tmp_path / f"book/{name}.md").read_text(encoding="utf-8")
    with pytest.raises(BookError, match=r"book/intro\.md needs one line '% claims-summary'"):
        publish.write_in_places(tmp_path, texts)


@quick
@pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning")
def test_the_probe_of_related_work_runs(tmp_path, monkeypatch, capsys):
    """With random numbers for embeddings, the kept SVM's test clips and made-up training and validation clips."""
    svm = evaluation.kept("gtzan_filtered_svm")[0]
    test = svm.predictions[["clip_id", "label", "artist"]].assign(part="test")
    parts = [test]
    for part in ("train", "valid"):
        names = [f"{genre}.{part}{k}" for genre in svm.genres for k in range(20)]
        label = np.repeat(np.arange(10), 20)
        parts.append(pd.DataFrame({"clip_id": names, "label": label, "artist": names, "part": part}))
    index = pd.concat(parts, ignore_index=True).assign(path=lambda table: table["clip_id"])
    lists = tmp_path / "gtzan_lists"
    lists.mkdir()
    for part, clips in index.groupby("part"):
        (lists / f"{part}_filtered.txt").write_text("".join(f"x/{clip}.wav\n" for clip in clips["clip_id"]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load", lambda *_: index.drop(columns="part"))
    rng = np.random.default_rng(0)
    page = (ROOT / "book/related.md").read_text(encoding="utf-8")
    first, *blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert "def embed(path):" in first and len(blocks) == 2
    place = {"embed": lambda path: rng.normal(size=8)}
    for block in blocks:
        exec(compile(block, "related.md", "exec"), place)
    told = capsys.readouterr().out.splitlines()
    assert told[0].split()[1:3] == ["of", "290"] and len(told) == 4
    low, high = place["evaluation"].bootstrap(np.mean, place["gain"], groups=place["groups"][place["gain"].index])
    assert low < place["gain"].mean() < high < 0


@quick
def test_hours_follow_from_the_measured_epoch_and_the_paper_profile():
    rows = {name: (networks, *rest) for name, networks, *rest in hours.estimates()}
    profile = yaml.safe_load((ROOT / "book/profiles.yml").read_text(encoding="utf-8"))["paper"]["notebooks"]
    assert rows.keys() == {name for name, values in profile.items() if "epochs" in values}
    (_, trainings, epochs, trained, needed) = rows["05_bbnn"]
    assert (trainings, epochs, trained) == (1, 100, 800)
    assert needed == pytest.approx(28 * 100 / 3600 * (800 + 200 / 3) / (800 + 100 / 3))
    assert rows["11_comparison"][4] == pytest.approx(rows["10_kfold_evaluation"][4] + 10 * needed * 2800 / 2600)
    assert rows["12_fma_study"][2:4] == (20, round(0.8 * 7_994))
    block = hours.block()
    for name in rows:
        assert f"(../notebooks/{name}.ipynb)" in block


@quick
def test_larger_collections_are_told_from_the_measured_rate(tmp_path):
    (tmp_path / "RESULTS.md").write_text("| extraction, mp3, 1 core (s for 100 clips) | 30.0 | 500.0 |\n")
    rows = [row.split("|")[1:-1] for row in scaling.block(tmp_path / "RESULTS.md").splitlines()[2:6]]
    table = {name.strip(): [float(cell.strip().replace(",", "")) for cell in cells] for name, *cells in rows}
    assert table["GTZAN"][:4] == [1000, 8, 0.083, 0.33]  # a hundred times as fast as it sounds
    assert table["fma_full"][1:3] == [8232, 82] and table["fma_large"][3] == 35
    minutes = (800 + 100 / 3) * 60 / 28  # clips of BBNN that are trained on in an hour's sixtieth
    share = hours.macs("inception_resnet") / hours.macs("bbnn")
    assert table["fma_large"][4] == pytest.approx(106_574 * share / minutes, rel=0.02)
    assert "has not been measured" in scaling.block(tmp_path / "nothing.md")


@quick
def test_an_epoch_takes_as_long_as_its_operations_or_its_bytes():
    layers = roofline.work("bbnn")
    done, moved = (sum(column) for column in zip(*layers.values()))
    assert done == 2 * hours.macs("bbnn")
    shallow = next(cost for layer, cost in layers.items() if layer.name == "shallow-norm")
    assert shallow == (0, 4 * 3 * 647 * 128 * 32)  # read twice, written once
    assert roofline.epoch_seconds(layers, 1e12, math.inf) == pytest.approx(2_800 * done / 1e12)
    assert roofline.epoch_seconds(layers, math.inf, 1e12) == pytest.approx(2_800 * moved / 1e12)
    both = roofline.epoch_seconds(layers, 1e12, 1e12)
    assert 2_800 * max(done, moved) / 1e12 < both < 2_800 * (done + moved) / 1e12
    # As the page says, most bytes are not the convolutions'.
    assert all(0 < roofline.convolutions_share(roofline.work(name)) < 0.5 for name in roofline.NETWORKS)


def test_the_index_of_fma_large_is_one_that_the_package_takes(tmp_path, monkeypatch):
    """The first block of the page on scaling, on four tracks of which one has no genre and one no file."""
    monkeypatch.chdir(tmp_path)
    rows = [",track,artist,set", ",genre_top,id,split", "track_id,,,"]
    rows += ["2,Rock,7,training", "5,Folk,8,test", "9,,8,test", "11,Folk,9,validation"]
    for folder in ("fma_metadata", "fma_large/000"):
        (tmp_path / "fma" / folder).mkdir(parents=True)
    (tmp_path / "fma/fma_metadata/tracks.csv").write_text("\n".join(rows))
    for number in (2, 5):
        soundfile.write(tmp_path / f"fma/fma_large/000/{number:06d}.mp3", tone(), 22_050, format="MP3")
    block = re.findall(r"^```python\n(.*?)^```$", (ROOT / "book/scaling.md").read_text(), re.MULTILINE | re.DOTALL)[0]
    place = {}
    exec(compile(block, "scaling.md", "exec"), place)
    assert place["index"]["artist"].tolist() == ["7", "8", "9"] and place["index"]["label"].tolist() == [1, 0, 0]
    found = features.scan(place["index"], features.preset("bbnn", 1.0))
    assert found.index["clip_id"].tolist() == ["000002", "000005"]
    assert found.report["note"].tolist()[2] == "no such file"
