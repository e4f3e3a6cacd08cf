"""Our way beside the plain one, each in processes of its own, one after the other in turn: medians of the rounds.

    python benchmarks/ratios.py [--rounds 3] [--only extraction training …]

Writes each row to benchmarks/RESULTS.md when it is measured, beside those that are there of the same machine and
versions. A ratio above 1 says how many times as fast ours is; it is taken in each round, for the speed of a machine may
change between two. Peak memory is that of the process and, where it has workers, of the largest of them. `book` is the
whole book: ours against `jupyter-book build` executing the same notebooks, an unchanged rebuild, and one after an edit
of prose. It takes half an hour.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("RESULTS.md")
NETWORKS = ("baseline_a_1d", "baseline_a_2d", "baseline_b", "bbnn", "inception_resnet", "densenet121", "fusion")
SECONDS = 5.1  # of the clips that the networks read
STEPS = 6
CLIPS = 100  # of 30 s, for extraction
COLUMNS = ("what", "ours", "ours (MB)", "plain", "plain (MB)", "ratio", "rounds", "measured")


def extract_ours(folder, kind, n_jobs):
    from genre_utils import datasets, features

    index, config = datasets.load("gtzan", folder / kind), features.preset("bbnn")
    few = index.groupby("genre").head(1).reset_index(drop=True)
    features.extract(few, config, Path(tempfile.mkdtemp(dir=folder)), n_jobs=n_jobs)  # imports, and starts processes
    store = Path(tempfile.mkdtemp(dir=folder))
    start = time.perf_counter()
    features.extract(index, config, store, n_jobs=n_jobs)
    return time.perf_counter() - start


def extract_plain(folder, kind, n_jobs):
    """The loop that this field's notebooks have."""
    import librosa
    import numpy as np

    def loop(paths):
        found = []
        for path in paths:
            y, sr = librosa.load(path, sr=22_050)
            y = librosa.util.fix_length(y, size=661_794)
            mel = librosa.feature.melspectrogram(y=y, sr=sr, n_fft=2_048, hop_length=1_024, n_mels=128)
            found.append(librosa.power_to_db(mel).T)
        return np.stack(found)

    paths = sorted((folder / kind).rglob(f"*.{kind}"))
    loop(paths[:10])  # imports
    start = time.perf_counter()
    loop(paths)
    return time.perf_counter() - start


def extract_again(folder, kind, n_jobs):
    from genre_utils import datasets, features

    index, store = datasets.load("gtzan", folder / kind), folder / "kept.zarr"
    features.extract(index, features.preset("bbnn"), store, n_jobs=n_jobs)
    start = time.perf_counter()
    features.extract(index, features.preset("bbnn"), store, n_jobs=n_jobs)
    return time.perf_counter() - start


def _task(name):
    import numpy as np

    from genre_utils import models

    recipe = models.network(name).recipe
    configs = models.input_configs(name, SECONDS)
    shape = models.input_shape_of(configs)
    model = models.build(name, shape, 10, seed=0)
    n, rng = STEPS * recipe.batch_size, np.random.default_rng(0)
    shapes = [tensor.shape[1:] for tensor in model.inputs]
    x = [rng.normal(size=(n, *shape)).astype(np.float32) for shape in shapes]
    return model, recipe, x if len(x) > 1 else x[0], np.arange(n) % 10


def train_ours(name):
    from dataclasses import replace

    from genre_utils import training

    model, recipe, x, y = _task(name)
    recipe = replace(recipe, epochs=4, lr_patience=None, stop_patience=None, weights="last", monitor="loss")
    return min(training.fit(model, (x, y), recipe)["seconds"][1:]) / STEPS


def train_plain(name):
    import keras

    model, recipe, x, y = _task(name)
    options = {"weight_decay": recipe.l2} if recipe.l2 else {}
    optimizer = keras.optimizers.Adam(recipe.learning_rate, **options)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        model.fit(x, y, batch_size=recipe.batch_size, verbose=0)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:]) / STEPS


def predict_ours(name):
    from genre_utils import training

    model, recipe, x, _ = _task(name)
    return _fastest(lambda: training.predict(model, x, recipe.batch_size)) / (STEPS * recipe.batch_size)


def predict_plain(name):
    model, recipe, x, _ = _task(name)
    return _fastest(lambda: model.predict(x, recipe.batch_size, verbose=0)) / (STEPS * recipe.batch_size)


def _fastest(function, times=3):
    seconds = []
    for _ in range(times + 1):  # the first compiles
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def import_package(module):
    start = time.perf_counter()
    __import__(module)
    return time.perf_counter() - start


SIDES = {
    function.__name__: function
    for function in (extract_ours, extract_plain, extract_again, train_ours, train_plain, predict_ours, predict_plain)
} | {"import_package": import_package}


def write_clips(folder):
    """Clips of 30 s as wav and as mp3, in GTZAN's layout."""
    import soundfile

    from genre_utils import datasets

    made = {"clips_per_genre": CLIPS // 10, "seconds": 30.0, "faults": False, "n_jobs": 2}
    index = datasets.load("synthetic", folder / "made", **made)
    for row in index.itertuples():
        y, sr = soundfile.read(row.path)
        for kind in ("wav", "mp3"):
            path = folder / kind / row.genre / f"{row.clip_id}.{kind}"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, y, sr, **({"format": "MP3"} if kind == "mp3" else {}))


def measured(side, *arguments):
    """Seconds that one side takes in a process of its own, and its peak memory in MB."""
    command = [sys.executable, __file__, "--side", side, json.dumps(arguments, default=str)]
    environment = os.environ | {"TQDM_DISABLE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{side}{arguments}: {done.stderr.strip().splitlines()[-1]}")
    return [float(number) for number in done.stdout.split()[-2:]]


def pair(name, ours, plain, rounds, unit=1.0):
    """A row of the table: medians of the rounds; each begins with the side that ended the last."""
    sides = [side for side in (ours, plain) if side]
    found = {side[0]: [] for side in sides}
    for number in range(rounds):
        for side in sides[:: -1 if number % 2 else 1]:
            found[side[0]].append(measured(*side))
    seconds, memory = map(statistics.median, zip(*found[ours[0]]))
    row = {"what": name, "rounds": rounds, "ours": seconds * unit, "ours (MB)": memory}
    if plain:
        seconds, memory = map(statistics.median, zip(*found[plain[0]]))
        ratios = [other[0] / own[0] for own, other in zip(found[ours[0]], found[plain[0]])]
        row |= {"plain": seconds * unit, "plain (MB)": memory, "ratio": statistics.median(ratios)}
    print({key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}, flush=True)
    return row


def rows_of(kind, folder, rounds):
    """Rows of one kind of measurement."""
    if kind == "extraction":
        write_clips(folder)
        for file in ("wav", "mp3"):
            for cores in (1, 2):
                told = f"extraction, {file}, {cores} core{'s' * (cores > 1)} (s for {CLIPS} clips)"
                yield pair(told, ("extract_ours", folder, file, cores), ("extract_plain", folder, file, 1), rounds)
        told = f"extraction a second time (s for {CLIPS} clips)"
        yield pair(told, ("extract_again", folder, "wav", 1), ("extract_plain", folder, "wav", 1), rounds)
    elif kind == "training":
        for name in NETWORKS:
            yield pair(f"training step, {name} (ms)", ("train_ours", name), ("train_plain", name), rounds, 1e3)
    elif kind == "inference":
        for name in NETWORKS:
            yield pair(f"inference, {name} (ms a clip)", ("predict_ours", name), ("predict_plain", name), rounds, 1e3)
    elif kind == "imports":
        for module in ("features", "evaluation", "notebook", "models"):
            yield pair(f"import genre_utils.{module} (s)", ("import_package", f"genre_utils.{module}"), None, rounds)
    elif kind == "book":
        yield from book_rows(folder)


def book_rows(folder):
    """The demo book from nothing, again unchanged, after an edit of prose; and by `jupyter-book build` alone."""
    tree = folder / "tree"
    ignore = shutil.ignore_patterns("_build", ".venv", ".git", ".runs", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, tree, ignore=ignore)
    ours = [sys.executable, "-m", "book.build"]
    first = _timed(ours, tree)
    unchanged = _timed(ours, tree)
    page = tree / "book/related.md"
    page.write_text(page.read_text(encoding="utf-8") + "\nOne sentence more.\n", encoding="utf-8")
    prose = _timed(ours, tree)
    # The same sources, executed page by page by Jupyter Book itself.
    config = tree / "_build/stage/_config.yml"
    plain = folder / "plain"
    shutil.copytree(tree, plain, ignore=shutil.ignore_patterns("_build"))
    text = (plain / "_config.yml").read_text(encoding="utf-8")
    text = text.replace('execute_notebooks: "off"', 'execute_notebooks: "force"\n  timeout: 1800')
    (plain / "_config.yml").write_text(text, encoding="utf-8")
    staged = config.parent / "book/claims.md"
    if staged.is_file():
        shutil.copy(staged, plain / "book/claims.md")
    code = "from jupyter_book.cli.main import main; main()"
    by_itself = _timed([sys.executable, "-c", code, "build", "."], plain, check=False)
    row = {"what": "the demo book from nothing (s)", "ours": first, "plain": by_itself, "ratio": by_itself / first}
    yield row | {"rounds": 1}
    yield {"what": "the book again, unchanged (s)", "ours": unchanged, "rounds": 1}
    yield {"what": "the book after an edit of prose (s)", "ours": prose, "rounds": 1}


def _timed(command, cwd, check=True):
    start = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(cwd), "PYTHONWARNINGS": "ignore"}
    subprocess.run(command, cwd=cwd, env=environment, check=check, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def write_row(row):
    """Put a row into the table; those of another machine, or of other versions, go."""
    from genre_utils._store import version

    named = ("tensorflow", "keras", "librosa", "numpy", "zarr", "jupyter-book")
    versions = ", ".join(f"{name} {version(name)}" for name in named)
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.partition(": ")[2] for line in flags.splitlines() if line.startswith("model name")), "")
    vectors = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    machine = f"{os.cpu_count()} cores ({model or platform.machine()}, {vectors}), {platform.system()}"
    machine += f"; Python {platform.python_version()}, {versions}."
    head = f"| {' | '.join(COLUMNS)} |"
    before = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    if not {machine, head} <= {*before}:
        before = []
    table = {line.split(" | ")[0]: line for line in before if line.startswith("| ") and line != head}
    cells = (row | {"measured": time.strftime("%Y-%m-%d")}).get
    told = [f"{value:.2f}" if isinstance(value := cells(name, ""), float) else str(value) for name in COLUMNS]
    table[f"| {row['what']}"] = f"| {' | '.join(told)} |"
    lines = ["# Measured side by side", "", "Made by `make bench`; what each row is, `benchmarks/ratios.py` says.", ""]
    lines += [machine, "", head, "|---" * len(COLUMNS) + "|", *table.values()]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=["extraction", "training", "inference", "imports", "book"])
    parser.add_argument("--side", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side, arguments = options.side[0], json.loads(options.side[1])
        arguments = [Path(value) if isinstance(value, str) and os.sep in value else value for value in arguments]
        seconds = SIDES[side](*arguments)
        import resource

        own, workers = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        if (status := Path("/proc/self/status")).exists():  # on Linux `own` counts what the parent had at the start
            own = int(re.search(r"VmHWM:\s*(\d+)", status.read_text())[1])
        print(seconds, max(own, workers) / 1024)
        return
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.only:
            for row in rows_of(kind, Path(folder), options.rounds):
                write_row(row)
    print(RESULTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
