"""The pages on running and recipes: each command is known, quick ones work, and so does the table of results."""

import json
import shutil
import subprocess
import sys

import commands
import pandas as pd
import pytest
import yaml
from conftest import ROOT

from genre_utils import evaluation

RESULTS = ROOT / "book" / "results"
KEPT = [f"gtzan_filtered_{name}_0.json" for name in ("svm", "baseline_a_2d", "inception_resnet")]
quick = pytest.mark.quick


def shown(name):
    """A file that a page shows."""
    return next(step.text for page in commands.PAGES for step in commands.steps(page) if step.file == name)


# The pages


@quick
@pytest.mark.parametrize("page", commands.PAGES)
def test_every_block_is_a_command_that_is_run_or_a_file_that_one_needs(page):
    steps = commands.steps(page)
    assert any(step.file for step in steps) and sum(not step.file for step in steps) > 5
    for number, step in enumerate(steps):
        if step.file:
            later = " ".join(other.text for other in steps[number + 1 :])
            assert step.file in later, f"no command uses {step.file}"
        else:
            assert step.text.split()[0] in commands.PROGRAMS, step.text
    fences = (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8").count("\n```")
    assert fences % 2 == 0


@quick
@pytest.mark.parametrize("page", commands.PAGES)
def test_nothing_but_make_comes_before_the_environment(page):
    for step in commands.steps(page):
        if step.text.startswith("source .venv/bin/activate"):
            return
        assert step.file or step.text.startswith("make "), f"not found in a new shell: {step.text}"


@quick
def test_commands_are_told_apart():
    text = "```bash\n# why\nmake a\nfor x in 1 2; do\n  make $x\ndone\npython b \\\n    -c\n```\n"
    text += "```yaml\n# p.yml\na: 1\n```\n"
    found = commands._steps(text)
    assert [step.file for step in found] == ["", "", "", "p.yml"]
    assert [step.text for step in found[1:3]] == ["for x in 1 2; do\n  make $x\ndone", "python b \\\n    -c"]
    with pytest.raises(AssertionError, match="without the name of its file"):
        commands._steps("```yaml\na: 1\n```\n")
    assert (
        commands._steps("## In Colab\n```python\nimport google\n```\n## Next\n```bash\nmake\n```\n")[0].text == "make"
    )


def test_quick_commands_run_as_they_stand(tmp_path):
    shell = commands.open_shell(tmp_path)
    steps = [step for page in commands.PAGES for step in commands.steps(page) if not step.file]
    every = dict.fromkeys(step.text.partition(" #")[0].strip() for step in steps)
    wanted = [text for text in every if text.startswith(commands.QUICK) and "logmels" not in text]
    assert len(wanted) >= len(commands.QUICK)
    try:
        shell.run("source .venv/bin/activate")
        for text in wanted:
            status, told = shell.run(text, limit=300)
            assert status == 0 and told.strip(), told
    finally:
        shell.close()


@quick
def test_the_array_has_an_element_for_each_experiment():
    plan = yaml.safe_load(shown("sweep.yml"))
    n = 1
    for values in plan["vary"].values():
        n *= len(values)
    assert f"--array=0-{n - 1} " in shown("sweep.sbatch")


# The program of the recipes


@pytest.fixture
def sweep(tmp_path):
    """The program as the page shows it, with a plan: the first experiment is done, the second cannot be."""
    (tmp_path / "sweep.py").write_text(shown("sweep.py"), encoding="utf-8")
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    plan = yaml.safe_load(shown("sweep.yml")) | {"vary": {"model": ["svm", "bbnm"]}}
    (tmp_path / "sweep.yml").write_text(yaml.safe_dump(plan))
    script = "import sweep; print(*(told['results_dir'] for _, told in sweep.experiments(" + repr(plan) + ")))"
    folders = python(tmp_path, "-c", script).stdout.split()
    (tmp_path / folders[0]).mkdir(parents=True)
    shutil.copy(RESULTS / KEPT[0], tmp_path / folders[0] / "result.json")
    return tmp_path, folders


def python(folder, *arguments):
    return subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)


def test_what_is_done_is_left_and_what_fails_is_told(sweep):
    folder, (done, failing) = sweep
    one = python(folder, "sweep.py", "sweep.yml", "0")
    assert (one.returncode, one.stdout) == (0, f"there    {done}\n")
    both = python(folder, "sweep.py", "sweep.yml")
    assert both.returncode == 1
    assert f"there    {done}" in both.stdout
    assert f"failed   {failing}: ValueError: unknown model 'bbnm'; known: baseline_a_1d" in both.stdout
    assert (folder / f"{failing}.ipynb").is_file()


# The table of results


@pytest.fixture
def several(tmp_path):
    """Three results, one of them of a run with its other files, and four files that are none."""
    for name in KEPT[:2]:
        shutil.copy(RESULTS / name, tmp_path)
    run = tmp_path / "deep" / "run"
    run.mkdir(parents=True)
    shutil.copy(RESULTS / KEPT[2], run / "result.json")
    for name in ("run.json", "fold_00.json"):
        (run / name).write_text("{}")
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "run.json").write_text("{}")
    (tmp_path / "cut.json").write_text((RESULTS / KEPT[0]).read_text()[:5_000])
    shutil.copy(RESULTS / "13_leakage_gtzan.json", tmp_path)
    damaged = json.loads((RESULTS / KEPT[0]).read_text())
    damaged["about"]["network"] = 7
    (tmp_path / "damaged.json").write_text(json.dumps(damaged))
    return tmp_path


@quick
def test_results_are_lined_up_with_the_intervals_of_the_book(several):
    table = evaluation.collect(several)
    assert list(table["network"]) == ["inception_resnet", "baseline_a_2d", "svm"]
    for path, row in table.iterrows():
        result = evaluation.load(path)
        expected = evaluation.compare({"it": result}).scores.loc["it"]
        assert row[["accuracy", "low", "high", "f1"]].astype(float).tolist() == pytest.approx(
            expected[["accuracy", "low", "high", "f1"]].astype(float).tolist()
        )
        assert row["accuracy"] == pytest.approx(result.right.mean())
        assert (row["data"], row["drawn"], row["seed"]) == (result.source, "artists", 0)
    network = table.set_index("network")
    assert network["splits"].unique().tolist() == ["1 × 442/197/290"]
    assert network["recipe.epochs"].to_dict() == {"svm": None, "baseline_a_2d": 30, "inception_resnet": 100}
    assert "recipe.kernel" not in table and "recipe.l2" in table
    alone = evaluation.collect(several / "deep")
    assert len(alone) == 1 and list(alone)[-1] == "drawn"


@quick
def test_what_is_no_result_is_named_with_the_reason(several, capsys):
    assert len(evaluation.collect(several)) == 3
    told = capsys.readouterr().out
    lines = [line for line in told.splitlines() if line.startswith("Left out: ")]
    assert len(lines) == 4 and "fold_00" not in told
    for name, reason in {
        "begun/result.json": "that has finished",
        "cut.json": "is no result of a cross-validation",
        "13_leakage_gtzan.json": "is no result of a cross-validation",
        "damaged.json": "is damaged",
    }.items():
        (line,) = [line for line in lines if name in line]
        assert reason in line


@quick
def test_no_result_and_no_folder_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="no result below .*; notebook 10 writes it into results_dir"):
        evaluation.collect(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        evaluation.collect(tmp_path, tmp_path / "nowhere")


def test_the_command_prints_the_table_and_writes_it(several):
    found = python(ROOT, "-m", "genre_utils.results", several, "--csv", several / "all.csv")
    assert found.returncode == 0, found.stderr
    assert "protocol" in found.stdout and "inception_resnet" in found.stdout and "Left out: " in found.stdout
    written = pd.read_csv(several / "all.csv", index_col="file")
    pd.testing.assert_series_equal(written["accuracy"], evaluation.collect(several)["accuracy"])
    failed = python(ROOT, "-m", "genre_utils.results", several / "begun")
    assert failed.returncode == 1 and "no result below" in failed.stderr and "Traceback" not in failed.stderr
