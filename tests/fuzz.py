"""Damaged and hostile files of every kind that the package reads: `make fuzz SEED=0 FILES=1000`.

Each file is read in a process of bounded memory, within bounded time. It is used, or refused by a ValueError or an
OSError in words that name it. Nothing else counts as right: no other exception, no crash, no file written elsewhere,
nothing of the file executed. What failed is kept in `_build/fuzz`, and the same seed makes it again.
"""

import argparse
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Timer

import numpy as np
from conftest import ROOT, tone

KEPT = ROOT / "_build/fuzz"
MEMORY = 6 << 30  # bytes of address space; importing Keras and TensorFlow takes about half of it
SECONDS = 30  # for one file
RESIDENT = 2_500  # MB that reading may take at most
FORMATS = ("wav", "au", "mp3", "flac", "ogg")


def sound(suffix, **options):
    """A whole file of three seconds."""
    import soundfile

    file = io.BytesIO()
    noise = 0.02 * np.random.default_rng(0).standard_normal(66_150)
    soundfile.write(file, tone() + noise, 22_050, format=suffix.upper(), **options)
    return file.getvalue()


def cut(data, rng):
    return data[: rng.integers(1, len(data))]


def flipped(data, rng):
    for i in rng.integers(0, len(data), rng.integers(1, 200)):
        data[i] ^= 1 << rng.integers(8)
    return data


def zeroed(data, rng):
    start, n = rng.integers(0, len(data), 2)
    data[start : start + n] = bytes(len(data[start : start + n]))
    return data


def wrong_header(data, rng):
    for i in rng.integers(0, min(120, len(data)), rng.integers(1, 20)):
        data[i] = rng.integers(256)
    return data


def huge_size(data, rng):
    at = 4 * rng.integers(0, 16)
    data[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff"])
    return data


def spliced(data, rng):
    one, other = sorted(rng.integers(0, len(data), 2))
    return data[:one] + data[other:]


def late(data, rng):
    return rng.bytes(rng.integers(1, 300)) + data


DAMAGES = (cut, flipped, zeroed, wrong_header, huge_size, spliced, late)


class Evil:
    """Unpickled, it writes a file."""

    def __reduce__(self):
        return os.system, (f"touch {os.environ['FUZZ_SENTINEL']}",)


def wrong_value(data, rng):
    """JSON in which one value, anywhere, is another one."""
    tree = json.loads(bytes(data))
    node = tree
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = keys[rng.integers(len(keys))]
        if isinstance(node[key], dict | list) and node[key] and rng.random() < 0.7:
            node = node[key]
            continue
        others = [None, "text", -1, 10**30, 1e308, float("nan"), [], {}, True, [[1]], {"a": [1]}, "\x00<b>\n"]
        node[key] = others[rng.integers(len(others))]
        return bytearray(json.dumps(tree).encode())


def wrong_array(data, rng):
    """An npz in which one array is missing or another one."""
    with np.load(io.BytesIO(bytes(data))) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    name = list(content)[rng.integers(len(content))]
    a = content.pop(name)
    shape = rng.integers(0, 4, rng.integers(0, 5))
    others = [None, a.astype(str), a[..., None], a.ravel(), a[:0] if a.ndim else a, np.zeros(shape), -a.ravel()[:1]
              if a.dtype.kind in "fi" else a.ravel()[:1], np.array([Evil()], object), np.full(a.shape, np.nan),
              np.zeros(a.shape, complex), np.zeros(a.shape, [("x", "f4")])]  # fmt: skip
    other = others[rng.integers(len(others))]
    file = io.BytesIO()
    np.savez(file, **content, **({} if other is None else {name: other}))
    return bytearray(file.getvalue())


def huge_array(data, rng):
    """An npz in which one array declares more than memory holds, or truly unpacks to as much."""
    names = zipfile.ZipFile(io.BytesIO(bytes(data))).namelist()
    name, out = names[rng.integers(len(names))], io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for other in names:
            if other != name:
                new.writestr(other, old.read(other))
        shape = (int(10 ** rng.integers(9, 30)),) if rng.random() < 0.9 else (1 << 33,)
        header = f"{{'descr': '{rng.choice(['<f4', '|u1', '<U9'])}', 'fortran_order': False, 'shape': {shape}, }}"
        header = header.ljust(117) + "\n"
        with new.open(name, "w") as member:
            member.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
            member.write(bytes(8 << 20))
    return bytearray(out.getvalue())


def _clips(folder="genres"):
    whole = sound("wav")[:20_000]
    return {f"{folder}/{genre}/{genre}.{i:05d}.wav": whole for genre in ("blues", "pop") for i in range(2)}


def zipped(members=None):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (members or _clips()).items():
            archive.writestr(name, content)
    return bytearray(out.getvalue())


def tarred(members=None, extra=()):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in (members or _clips()).items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, kind, target in extra:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    return bytearray(out.getvalue())


def hostile_name(rng):
    up = "../" * int(rng.integers(1, 12))
    odd = ["a\nb", "<img src=x>", "x" * 250, "x" * 300, "con", " ", ".", "\u202e"][rng.integers(8)]
    names = [f"{up}escaped.wav", f"genres/{up}escaped.wav", "/escaped.wav", "C:\\escaped.wav", "..\\escaped.wav"]
    names += [f"genres/blues/{odd}.wav", f"genres/{odd}/a.wav", "genres/blues"]
    return names[rng.integers(len(names))]


@cache
def bomb():
    """A zip of 300 kB that unpacks to 300 MB."""
    return zipped(_clips() | {"genres/blues/bomb.wav": bytes(300 << 20)})


def hostile_zip(data, rng):
    kind = rng.integers(4)
    members = _clips()
    if kind == 0:
        members |= {f"genres/blues/tiny{i}.wav": b"x" for i in range(5_000)}
    elif kind == 1:
        return bomb()
    elif kind == 2:  # a link, where an unpacker makes links
        out = io.BytesIO(bytes(zipped(members)))
        with zipfile.ZipFile(out, "a") as archive:
            info = zipfile.ZipInfo("genres/pop/link.wav")
            info.external_attr = 0o120777 << 16
            archive.writestr(info, "../../../../escaped.wav")
        return bytearray(out.getvalue())
    else:
        members[hostile_name(rng)] = b"escaped"
    return zipped(members)


def hostile_tar(data, rng):
    kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE]
    kind = kinds[rng.integers(len(kinds))]
    if rng.random() < 0.5:
        return tarred(_clips() | {hostile_name(rng): b"escaped"})
    target = ["../../../..", "/", "/etc/passwd", "genres", "link"][rng.integers(5)]
    where = ["link", "genres/blues/link.wav", "genres/jazz", hostile_name(rng)][rng.integers(4)]
    return tarred(None, [(where, kind, target)])


def log_mels():
    rng, out = np.random.default_rng(0), io.BytesIO()
    arrays = {"clip_id": [f"c{i}" for i in range(8)], "label": np.arange(8) % 2, "genres": ["blues", "pop"]}
    arrays |= {"log_mel": rng.normal(-40, 10, (8, 20, 8)).astype("f4"), "artist": list("aabbccdd")}
    np.savez(out, split=["training", "validation", "test", ""] * 2, **arrays)
    return out.getvalue()


def levels():
    rng, out = np.random.default_rng(0), io.BytesIO()
    arrays = {"clip_id": [f"c{i}" for i in range(8)], "label": np.arange(8) % 2, "genres": ["blues", "pop"]}
    arrays |= {"level": rng.integers(0, 64, (8, 20, 8)).astype("u1"), "range_db": np.full(8, 80.0)}
    np.savez(out, floor_db=np.full(8, -80.0), **arrays)
    return out.getvalue()


def checkpoint():
    from genre_utils import training

    with tempfile.TemporaryDirectory() as folder:
        training.fit(*_training(), out_dir=folder)
        return Path(folder, "checkpoint.npz").read_bytes()


def _training():
    import keras

    from genre_utils import models

    model = keras.Sequential([keras.Input((16, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    x = np.random.default_rng(0).normal(size=(8, 16, 8, 1)).astype("f4")
    return model, (x, np.arange(8) % 2), models.Recipe(epochs=1, stop_patience=None)


def authors_weights():
    sys.path.insert(0, str(ROOT))
    from test_models import as_keras_2

    from genre_utils import models

    with tempfile.TemporaryDirectory() as folder:
        return as_keras_2(models.build("bbnn", (64, 32, 1), 10), Path(folder, "w.hdf5")).read_bytes()


def trained():
    from genre_utils._store import results_folder

    return (results_folder() / "inception_resnet.npz").read_bytes()


def kept_result():
    from genre_utils._store import results_folder

    return (results_folder() / "gtzan_filtered_svm_0.json").read_bytes()


def read_sound(path):
    from genre_utils import audio

    audio.duration(path)
    audio.load(path)
    audio.load_segment(path, 1.0, 0.5)


def read_collection(path):
    from genre_utils import datasets

    datasets.load("gtzan", path)


def read_log_mels(path):
    from genre_utils import datasets, features

    features.extract(datasets.load("precomputed", path), features.preset("bbnn"))


def read_result(path):
    from genre_utils import evaluation

    evaluation.load(path)
    folder = path.with_suffix(".run")
    folder.mkdir(exist_ok=True)
    shutil.copy(path, folder)
    evaluation.collect(folder)


def read_trained(path):
    from genre_utils import models

    models.load_trained(path.stem, path.parent)


def read_authors_weights(path):
    from genre_utils import models

    models.load_bbnn_authors_weights(path, _bbnn())


@cache
def _bbnn():
    from genre_utils import models

    return models.build("bbnn", (64, 32, 1), 10)


def read_checkpoint(path):
    from genre_utils import training

    folder = path.with_suffix(".run")
    folder.mkdir(exist_ok=True)
    shutil.copy(path, folder / "checkpoint.npz")
    training.fit(*_training(), out_dir=folder)


# What reads it, a whole file, its ending, its special damages, and its share among a hundred files.
KINDS = {suffix: (read_sound, lambda suffix=suffix: sound(suffix), suffix, (), 8) for suffix in FORMATS} | {
    "zip": (read_collection, zipped, "zip", (hostile_zip,), 9),
    "tar": (read_collection, tarred, "tar.gz", (hostile_tar,), 11),
    "log-mels": (read_log_mels, log_mels, "npz", (wrong_array, huge_array), 12),
    "levels": (read_log_mels, levels, "npz", (wrong_array, huge_array), 6),
    "result": (read_result, kept_result, "json", (wrong_value, wrong_value), 12),
    "checkpoint": (read_checkpoint, checkpoint, "npz", (wrong_array, huge_array), 3),
    "trained weights": (read_trained, trained, "npz", (wrong_array, huge_array), 3),
    "authors' weights": (read_authors_weights, authors_weights, "hdf5", (), 4),
}


def damaged(kind, number, whole, rng):
    """One damaged file of a kind; every second one of those that have them by a special damage."""
    special = KINDS[kind][3]
    ways = special if special and number % 2 else DAMAGES
    way = ways[number // 2 % len(ways) if special else number % len(ways)]
    return way.__name__, bytes(way(bytearray(whole), rng))


def child():
    """Reads the files that are named on standard input, and tells of each."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for line in sys.stdin:
        kind, path = json.loads(line)
        signal.alarm(SECONDS)
        try:
            KINDS[kind][0](Path(path))
            found = ["used", ""]
        except (ValueError, OSError) as error:
            found = ["refused", str(error)]
        except BaseException as error:
            found = ["failed", f"{type(error).__name__}: {error}"]
        signal.alarm(0)
        print("FUZZ" + json.dumps([*found, peak()]), flush=True)


def peak():
    """Most memory of this program in MB; on Linux getrusage also counts what its parent had when it was begun."""
    import resource

    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20  # bytes on a Mac
    return int(re.search(r"VmHWM:\s*(\d+)", status.read_text())[1]) >> 10


class Reader:
    """A child process, and a new one when it has died."""

    def __init__(self, environment):
        self.environment, self.process = environment, None

    def ask(self, kind, path):
        if not self.process:
            command = [sys.executable, __file__, "--child"]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
            self.process = subprocess.Popen(command, env=self.environment, cwd=ROOT / "tests", bufsize=1, **pipes)
        print(json.dumps([kind, str(path)]), file=self.process.stdin, flush=True)
        too_slow = Timer(SECONDS + 60, self.process.kill)
        too_slow.start()
        for line in self.process.stdout:
            if line.startswith("FUZZ"):
                too_slow.cancel()
                return json.loads(line[4:])
        too_slow.cancel()
        return "failed", f"the process ended with {self.end()}", 0

    def end(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
            status, self.process = self.process.returncode, None
            return status


def named(message, path):
    """Whether a refusal says which file it is about; of sound the caller knows it."""
    names = (path.name, path.stem, path.with_suffix(".run").name, "genre_utils/unpacked/")
    return any(name in message for name in names)


def run(seed, files, folder, kinds=tuple(KINDS)):
    """Read so many damaged files; their number by kind and outcome, the failures, and the most memory in MB."""
    counts, failures, peaks, waiting = Counter(), [], [], iter(kinds)
    box, sentinel = folder / "box", folder / "executed"
    os.environ["FUZZ_SENTINEL"] = str(sentinel)
    total = sum(KINDS[kind][-1] for kind in kinds)

    def work(place):
        place.mkdir(parents=True)
        hidden = {"XDG_CACHE_HOME": str(place / "cache"), "GENRE_UTILS_CACHE": str(place / "cache"), "HOME": str(place)}
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TQDM_DISABLE": "1", "PYTHONPATH": str(ROOT)}
        reader = Reader(os.environ | hidden | quiet)
        for kind in waiting:
            start, n = time.perf_counter(), max(round(files * KINDS[kind][-1] / total), 1)
            for way, name, outcome, message, resident in read_damaged(kind, n, seed, reader, place):
                counts[kind, outcome] += way != "whole"
                peaks.append(resident)
                if outcome == "failed":
                    failures.append((kind, way, name, message))
            print(f"{kind}: {dict((o, counts[kind, o]) for o in ('used', 'refused', 'failed'))}, "
                  f"{time.perf_counter() - start:.0f} s", flush=True)  # fmt: skip
        reader.end()

    with ThreadPoolExecutor() as pool:
        list(pool.map(work, [box / "one", box / "two"][: len(kinds)]))
    if sentinel.exists():
        failures.append(("", "", "", "something in a file was executed"))
    outside = sorted(path.name for path in [*folder.iterdir(), *folder.parent.glob("escaped*")])
    if outside != ["box"] or Path("/escaped.wav").exists() or list(box.rglob("escaped*")):
        failures.append(("", "", "", f"written outside its folder: {outside}"))
    return counts, failures, max(peaks)


def read_damaged(kind, n, seed, reader, place):
    """Have the whole file of a kind read, and n damaged ones: way, name, outcome, message and memory of each."""
    read, whole, suffix, _, _ = KINDS[kind]
    rng, whole = np.random.default_rng([seed, list(KINDS).index(kind)]), whole()
    for number in ("whole", *range(n)):
        way, content = (number, whole) if number == "whole" else damaged(kind, number, whole, rng)
        path = place / f"{kind.replace(' ', '-')}-{number}.{suffix}"
        path.write_bytes(content)
        outcome, message, resident = reader.ask(kind, path)
        if way == "whole" and outcome != "used" and kind not in ("zip", "tar"):
            outcome = "failed"
        if outcome == "refused" and read is not read_sound and not named(message, path):
            outcome, message = "failed", f"does not name the file: {message}"
        if outcome == "refused" and len(message) < 6:
            outcome, message = "failed", f"says too little: {message!r}"
        if resident > RESIDENT:
            outcome, message = "failed", f"took {resident} MB"
            reader.end()
        if outcome == "failed":
            KEPT.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, KEPT / f"{seed}-{path.name}")
        path.unlink()
        shutil.rmtree(place / "cache", ignore_errors=True)
        shutil.rmtree(path.with_suffix(".run"), ignore_errors=True)
        yield way, path.name, outcome, message, resident


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        counts, failures, peak = run(options.seed, options.files, Path(folder, "deep", "fuzz"))
    n = sum(counts.values())
    print(f"{n} files in {time.perf_counter() - start:.0f} s, at most {peak} MB, seed {options.seed}")
    for kind, way, name, message in failures:
        print(f"FAILED {kind}, {way}, {name}: {message[:300]}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
