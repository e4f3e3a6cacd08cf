"""Clips that share a recording, found from their sound, or from their files' hashes. Explained in notebook 01.

Landmark fingerprints (Wang 2003, "An industrial-strength audio search algorithm"): the loudest peaks of a spectrogram
survive level, noise and compression, and the distances between them survive a shift. Two clips of one recording have a
large share of such landmarks in common, all at one offset in time; two takes of one song do not.
"""

import hashlib
import os
from contextlib import suppress
from itertools import combinations

import numpy as np
import pandas as pd

from .. import audio
from .._store import parallel

SR = 11_025
N_FFT = 1_024
HOP = 128
PEAKS_PER_SECOND = 20
NEIGHBOURHOOD = (21, 25)  # frames and bins (0.25 s, 270 Hz) within which a peak is the highest
PARTNERS = 10  # a peak is paired with those of the next ten that are near enough
REACH = 64  # frames and bins (0.75 s, 690 Hz) that count as near
COMMON = 50  # further places of one landmark in a collection that it is compared with
BLOCK = 200  # clips whose votes are counted at a time
CANDIDATE = 20  # landmarks at one offset, without which a pair is not looked at again
MIN_SCORE = 0.1
MIN_OVERLAP = 5.0


def peaks(y):
    """Constellation of a clip: the peaks of its spectrogram, the loudest 20 a second.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,)]
        Mono samples at `SR`.

    Returns
    -------
    frames, bins : np.ndarray [shape=(n_peaks,)], int
        Places in time (of `HOP` / `SR` seconds) and frequency (of `SR` / `N_FFT` Hz), in the order of time.
    """
    from scipy import ndimage, signal

    _, _, spectrum = signal.stft(y, nperseg=N_FFT, noverlap=N_FFT - HOP)
    level = np.abs(spectrum[: N_FFT // 2].T)
    frames, bins = np.nonzero((level == ndimage.maximum_filter(level, NEIGHBOURHOOD)) & (level > 0))
    loudest = np.argsort(-level[frames, bins], kind="stable")[: int(PEAKS_PER_SECOND * len(y) / SR)]
    loudest.sort()
    return frames[loudest], bins[loudest]


def landmarks(frames, bins):
    """Pairs of near peaks, each as a hash and the time at which it is.

    Parameters
    ----------
    frames, bins : np.ndarray [shape=(n_peaks,)], int
        From `peaks`.

    Returns
    -------
    hashes, times : np.ndarray [shape=(n_landmarks,)], int
        The first peak's bin, and the steps in time and frequency to the second, in one number; the first one's frame.
    """
    hashes, times = [], []
    for k in range(1, PARTNERS + 1):
        later, higher = frames[k:] - frames[:-k], bins[k:] - bins[:-k]
        near = (later > 0) & (later < REACH) & (np.abs(higher) < REACH)
        hashes.append(((bins[:-k] * REACH + later) * 2 * REACH + higher + REACH)[near])
        times.append(frames[:-k][near])
    return np.concatenate(hashes), np.concatenate(times)


def find(index, min_score=MIN_SCORE, n_jobs=1):
    """Pairs of clips that share a recording: exact copies, re-encoded or noisy ones, and excerpts that overlap.

    Not found are copies at another speed or pitch, and other takes of the same song.

    Parameters
    ----------
    index : pd.DataFrame
        From `datasets.load`; a collection of sound, not of log-mels.
    min_score : float
        Pairs that have a smaller share of their landmarks in common are left out. Among thousands of synthetic clips,
        the most alike of different recordings share 0.06, by chance and rhythm; altered copies share 0.27 and more
        (benchmarks/duplicates.py measures both), and an mp3 of the lowest quality somewhat less.
    n_jobs : int
        Processes at work.

    Returns
    -------
    pd.DataFrame
        Best first: `clip_a`, `clip_b`; `score`, the share (0 to 1) of the landmarks in the common stretch that both
        have; `offset_seconds`: what clip_b plays at a time t, clip_a plays at t + offset_seconds. Clips
        that could not be read are told in ``attrs["skipped"]``, with the reason by `clip_id`.

    Raises
    ------
    ValueError
        If the collection holds log-mels only, or no clip can be read.

    References
    ----------
    Wang (2003), Sturm (2013); notebooks 01 and 13.
    """
    if index["dataset"].eq("precomputed").any():
        raise ValueError(
            "duplicates are found from sound, and precomputed log-mels hold none; use a collection of files"
        )
    prints = parallel(_fingerprint, [(path,) for path in index["path"]], n_jobs, "fingerprints")
    skipped = {clip: found for clip, found in zip(index["clip_id"], prints) if isinstance(found, str)}
    if len(skipped) == len(index):
        raise ValueError(f"none of the {len(index)} clips can be read, for example {next(iter(skipped.items()), None)}")
    rows = np.flatnonzero([not isinstance(found, str) for found in prints])
    prints = [prints[row] for row in rows]
    found = [(a, b, *_compare(prints[a], prints[b], offset)) for a, b, offset in _candidates(prints)]
    pairs = pd.DataFrame(found, columns=["clip_a", "clip_b", "score", "offset_seconds"])
    pairs = pairs[pairs["score"] >= min_score].sort_values(["score", "clip_a", "clip_b"], ascending=[False, True, True])
    for column in ("clip_a", "clip_b"):
        pairs[column] = index["clip_id"].to_numpy()[rows[pairs[column].to_numpy(int)]]
    pairs.attrs["skipped"] = skipped
    return pairs.reset_index(drop=True)


def recordings(index, pairs):
    """Group of each clip: clips that share a recording, directly or through others, are in one group.

    Parameters
    ----------
    index : pd.DataFrame
    pairs : pd.DataFrame
        From `find`, or any with the columns `clip_a` and `clip_b`.

    Returns
    -------
    pd.Series
        By `clip_id`, the id of one of the clips of its group: `groups` of a split or a bootstrap.

    References
    ----------
    Notebooks 01 to 03.

    Examples
    --------
    >>> import pandas as pd
    >>> from genre_utils.datasets import duplicates
    >>> index = pd.DataFrame({"clip_id": ["a", "b", "c", "d"]})
    >>> pairs = pd.DataFrame({"clip_a": ["d", "b"], "clip_b": ["a", "d"]})
    >>> duplicates.recordings(index, pairs).tolist()
    ['b', 'b', 'c', 'b']
    """
    groups = pd.Series(index["clip_id"].to_numpy(), index["clip_id"])
    for pair in pairs.itertuples():
        groups = groups.replace(groups[pair.clip_b], groups[pair.clip_a])
    return groups


def find_exact(index):
    """Pairs of clips whose files hold the same bytes.

    Parameters
    ----------
    index : pd.DataFrame
        A collection of sound files.

    Returns
    -------
    pd.DataFrame
        Columns `clip_a` and `clip_b`, sorted. Files that are empty or cannot be read are in no pair.
    """
    paths = index.set_index("clip_id")["path"]
    sizes = paths.map(lambda path: os.path.getsize(path) if os.path.isfile(path) else 0)
    candidates = paths[sizes.duplicated(keep=False) & (sizes > 0)]
    return equal_hashes({clip_id: _hash_file(path) for clip_id, path in candidates.items()})


def equal_hashes(hashes):
    """Pairs of clips with equal hashes.

    Parameters
    ----------
    hashes : dict of str to str
        By clip id, such as `gtzan.md5s`; None equals nothing.

    Returns
    -------
    pd.DataFrame
        Columns `clip_a` and `clip_b`, sorted.
    """
    hashes = pd.Series(hashes, dtype=object)
    groups = hashes.groupby(hashes).groups.values()
    pairs = sorted(pair for group in groups for pair in combinations(sorted(group), 2))
    return pd.DataFrame(pairs, columns=["clip_a", "clip_b"])


def _hash_file(path):
    with suppress(OSError), open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _fingerprint(path):
    """Hashes and times of a file's landmarks and its length in frames, or in words why there are none."""
    try:
        y, _ = audio.load(path, SR)
    except audio.AudioError as error:
        return str(error)
    return *landmarks(*peaks(y)), len(y) // HOP


def _candidates(prints):
    """Pairs of clips with many equal landmarks at one offset: (a, b, offset in frames), once each with a < b."""
    clips = np.repeat(np.arange(len(prints), dtype=np.int64), [len(hashes) for hashes, _, _ in prints])
    hashes, times = (np.concatenate([found[i] for found in prints]) for i in (0, 1))
    order = np.argsort(hashes, kind="stable")  # within one hash, by clip
    hashes, times, clips = hashes[order], times[order], clips[order]
    span = 2 * max(length for _, _, length in prints) + 1
    for first in range(0, len(prints), BLOCK):  # the votes of all clips at once would fill the memory
        here = np.flatnonzero((first <= clips) & (clips < first + BLOCK))
        votes = []
        for k in range(1, COMMON + 1):
            here = here[here < len(hashes) - k]
            here = here[hashes[here] == hashes[here + k]]
            a, b = clips[here], clips[here + k]
            votes.append(((a * len(prints) + b) * span + times[here] - times[here + k] + span // 2)[a != b])
        votes, counts = np.unique(np.concatenate(votes), return_counts=True)
        # A replica that begins between two frames votes for both of them, so neighbours count too.
        next_to, total = np.flatnonzero(np.diff(votes) == 1), counts.copy()
        total[next_to] += counts[next_to + 1]
        total[next_to + 1] += counts[next_to]
        pair, offset = np.divmod(votes, span)
        best = pd.DataFrame({"pair": pair, "offset": offset - span // 2, "total": total})
        best = best[best["total"] >= CANDIDATE].sort_values(["total", "offset"], ascending=[False, True])
        best = best.drop_duplicates("pair")
        for pair, offset in zip(best["pair"], best["offset"]):
            yield *divmod(pair, len(prints)), offset


def _compare(one, two, offset):
    """Share of the landmarks that two clips have in common around an offset, and the offset itself in seconds."""
    (hashes_a, times_a, length_a), (hashes_b, times_b, length_b) = one, two
    begin, end = max(0, offset), min(length_a, length_b + offset)
    if (end - begin) * HOP / SR < MIN_OVERLAP:
        return 0.0, offset * HOP / SR
    in_a = (begin <= times_a) & (times_a < end)
    in_b = (begin <= times_b + offset) & (times_b + offset < end)
    # A hash and its time as one number, compared a frame early, on time, and a frame late.
    a, b = (hashes_a * 2**20 + times_a)[in_a], (hashes_b * 2**20 + times_b + offset)[in_b]
    shared = np.array([np.isin(a, b + shift) for shift in (-1, 0, 1)])
    finer = offset + (shared.sum(axis=1) @ (-1, 0, 1)) / max(shared.sum(), 1)
    return min(shared.any(axis=0).sum() / max(min(len(a), len(b)), 1), 1.0), finer * HOP / SR
