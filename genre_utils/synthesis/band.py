"""A band that plays from a seed: one piece of a genre as sound. Explained in notebook 01.

A piece is decided as musicians would decide it: the style (`styles`) says what the genre usually does, the artist has
habits within it, and the piece varies those. Then each part (drums, bass, chords, lead) names its notes, the notes are
put on a track, and the tracks are mixed.
"""

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import fft, signal

from .styles import CHORDS, NUMERALS, SCALES, STYLES, TIMBRES, Style

SR = 22050  # Hz, as GTZAN
GENRES = tuple(sorted(STYLES))
LOYALTY = 0.6  # how often an artist does the usual
BORROWING = 2  # an artist's sound is the own genre's so many times for once that it is each neighbour's


def render(genre, seed, seconds=30.0, artist=None, clip=0, sr=SR):
    """Make one piece of a genre.

    Parameters
    ----------
    genre : str
        One of `GENRES`.
    seed : int
        Not negative.
    seconds : float
        Length of the piece.
    artist : int, optional
        Number of the artist, from 1. Pieces of one artist under one seed share habits. By default nobody in particular.
    clip : int
        Number of the piece; another number is another piece by the same artist.
    sr : int
        Sample rate in Hz.

    Returns
    -------
    np.ndarray [shape=(n_samples,)], float32
        Within -1 and 1. Equal arguments give equal samples.

    Raises
    ------
    ValueError
        If the genre is unknown or the length is not positive.
    """
    if genre not in STYLES:
        raise ValueError(f"unknown genre {genre!r}; known: {', '.join(GENRES)}")
    if not 0 < seconds <= 3600:
        raise ValueError(f"seconds is {seconds}, expected more than 0 and at most 3600")
    identity = (seed, GENRES.index(genre), artist or 0)
    habit, rng = np.random.default_rng(identity), np.random.default_rng((*identity, 1 + clip))

    def choose(options):
        usual, today = int(habit.random() * len(options)), int(rng.random() * len(options))
        return options[usual if rng.random() < LOYALTY else today]

    def between(low, high):
        return low + (high - low) * (LOYALTY * habit.random() + (1 - LOYALTY) * rng.random())

    plan = _plan(STYLES[genre], seconds, sr, choose, between, rng)
    sound = STYLES[choose((genre,) * BORROWING + STYLES[genre].near)]
    bass, comp, lead = (TIMBRES[choose(kind)] for kind in (sound.bass_sounds, sound.comp_sounds, sound.lead_sounds))
    parts = (
        (_drums(plan, choose, between, rng), between(-11, 3), 0, 0),
        (_chordal(plan, plan.style.bass, bass, 28, choose, rng), between(-9, 3), bass.drive, 0),
        (_chordal(plan, plan.style.comp, comp, choose((48, 52, 55, 60)), choose, rng), between(-11, 2), comp.drive,
         between(*sound.echo)),
        (_lead(plan, lead, choose((57, 60, 64, 69)), choose, rng), between(-10, 2), lead.drive, 0),
    )  # fmt: skip
    mix = sum(10 ** (level / 20) * _track(notes, plan, drive, echo, rng) for notes, level, drive, echo in parts)
    return _produce(mix, sound, sr, between, rng)[-round(seconds * sr) :]


@dataclass(frozen=True)
class Plan:
    """What every part of a piece agrees on.

    Attributes
    ----------
    style : Style
    metre : int
        Beats a bar.
    key : int
        Semitones above C.
    bar, n : int
        Samples of a bar, and of the whole.
    n_bars : int
    section : int
        Bars in a section.
    chords : list of list
        For each bar, root in semitones and intervals of each chord.
    swing : float
        How late every other step comes, in steps.
    colour : float
        Brightness of the instruments around 1.
    sr : int
        Sample rate in Hz.
    """

    style: Style
    metre: int
    key: int
    bar: int
    n: int
    n_bars: int
    section: int
    chords: list
    swing: float
    colour: float
    sr: int


def _plan(style, seconds, sr, choose, between, rng):
    tempo, metre = between(*style.tempo), choose(style.metre)
    bar = round(metre * 60 / tempo * sr)
    n = round(seconds * sr) + int(rng.random() * bar)  # the start is cut off again: an excerpt begins anywhere
    n_bars = -(-n // bar)
    key = choose((0, 2, 4, 5, 7, 9, 10)) + choose((0, 0, 0, 1))
    song = [[_chord(token, key) for token in tokens.split("/")] for tokens in choose(style.chords).split()]
    first = 4 * int(rng.integers(-(-len(song) // 4)))
    chords = [song[(first + b) % len(song)] for b in range(n_bars)]
    return Plan(
        style, metre, key, bar, n, n_bars, int(rng.choice((4, 8))), chords, between(*style.swing), between(0.8, 1.3), sr
    )


def _chord(token, key):
    """Root and intervals of a chord: "bVII7" in C gives 10 and (0, 4, 7, 10); small numerals are minor."""
    flat, numeral, kind = re.fullmatch("(b?)([ivIV]+)(.*)", token).groups()
    return key + NUMERALS[numeral.lower()] - len(flat), CHORDS["m" * numeral.islower() + kind]


@cache
def _events(pattern, swing=0.0):
    """Onset and length, in bars, and symbol of what a pattern plays."""
    found = []
    for hit in re.finditer(r"([^.-])-*", pattern):
        late = swing * (hit.start() % 2) * (len(pattern) % 3 > 0)  # triplets swing by themselves
        found.append(((hit.start() + late) / len(pattern), len(hit[0]) / len(pattern), hit[1]))
    return found


def _track(notes, plan, drive, echo, rng):
    """Put notes (onset in bars, sound, gain) in their places; then amplifier, echo, and a level of 1 on average."""
    track = np.zeros(plan.n, np.float32)
    for when, note, gain in notes:
        at = max(0, int(when * plan.bar + rng.normal(0, plan.style.loose) * plan.sr))
        note = note[: max(0, plan.n - at)]
        track[at : at + len(note)] += np.float32(gain) * note
    if drive:
        cabinet = signal.butter(2, 3800 * plan.colour, fs=plan.sr, output="sos")
        track = signal.sosfilt(cabinet, np.tanh(drive * track))
    if echo:
        late = 3 * plan.bar // (4 * plan.metre)  # three quarters of a beat
        track[late:] += echo * track[:-late]
        track[2 * late :] += echo**2 * track[: -2 * late]
    level = np.sqrt(np.mean(track**2))
    return track / level if level > 0 else track


def _bars(plan, patterns, choose, rng, quiet):
    """Bar and pattern through the sections: two patterns in turn, now and then another one or a section of rest."""
    turn = choose(patterns), choose(patterns)
    rests = rng.random(plan.n_bars) < quiet
    for b in range(plan.n_bars):
        other = patterns[int(rng.random() * len(patterns))]
        if not rests[b // plan.section]:
            yield b, other if rng.random() < 0.07 else turn[b // plan.section % 2]


def _drums(plan, choose, between, rng):
    t = np.arange(int(0.7 * plan.sr), dtype=np.float32) / plan.sr
    kit = _kit(t, between(0.8, 1.25), between(0.6, 1.6), between(0.0, 0.9), rng)
    loudness = {name: between(0.6, 1.2) for name in kit}
    for b, drums in _bars(plan, plan.style.drums, choose, rng, quiet=0.06):
        words = drums.split()
        fill = words and (b + 1) % plan.section == 0 and rng.random() < 0.7
        for name, pattern in zip(words[::2], words[1::2]):
            for when, _, symbol in _events(pattern, plan.swing):
                if not (fill and when >= 0.75) and rng.random() > 0.03:
                    yield (
                        b + when,
                        kit[name],
                        loudness[name] * {"X": 1.2, "x": 0.9, "o": 0.35}[symbol] * rng.uniform(0.8, 1),
                    )
        if fill:
            for k, when in enumerate(np.linspace(0.75, 1, 4, endpoint=False)):
                yield b + when, kit["tom" if rng.random() < 0.6 else "snare"], 0.6 + 0.1 * k
            yield b + 1, kit["crash"], 0.7


def _kit(t, tune, tail, bright, rng):
    """One sound for each drum. Skins are sines that fall in pitch, metal is noise without its low part."""
    noise = rng.standard_normal(len(t)).astype(np.float32)
    hiss = np.append(0, noise[1:] - bright * noise[:-1])

    def skin(hz, drop, decay):
        return np.sin(2 * np.pi * tune * hz * (t + drop * 0.03 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / (decay * tail))

    def metal(decay):
        return np.append(0, np.diff(hiss)) * np.exp(-t / (decay * tail)) * 0.35

    claps = sum(np.exp(-np.maximum(t - late, 0) / 0.01) * (t >= late) for late in (0, 0.011, 0.023))
    bells = sum(np.sin(2 * np.pi * tune * hz * t) for hz in (3140, 4270, 5630, 6890)) * 0.08
    kit = {
        "kick": 1.6 * skin(48, 3.0, 0.16) + 0.1 * hiss * np.exp(-t / 0.004),
        "snare": 0.6 * skin(185, 0.6, 0.08) + 0.4 * hiss * np.exp(-t / (0.09 * tail)),
        "tom": skin(110, 1.0, 0.18), "rim": 0.5 * skin(1650, 0.0, 0.015) + 0.3 * skin(420, 0.0, 0.02),
        "clap": 0.35 * hiss * (claps + np.exp(-t / (0.08 * tail))), "hat": metal(0.035), "open": metal(0.16),
        "ride": 0.5 * metal(0.2) + bells * np.exp(-t / 0.3), "crash": 1.2 * metal(0.4),
        "brush": 0.25 * hiss * np.minimum(t / 0.03, 1) * np.exp(-t / 0.07),
        "shaker": 0.5 * metal(0.04) * np.minimum(t / 0.02, 1),
    }  # fmt: skip
    fade = np.minimum(1, (t[-1] - t) / 0.05)
    return {name: (sound * fade).astype(np.float32) for name, sound in kit.items()}


def _chordal(plan, patterns, timbre, register, choose, rng):
    """Bass or chords: each symbol of the pattern is a degree of the chord of the moment, or "x" for all of it."""
    voice = _voice(timbre, plan)
    for b, pattern in _bars(plan, patterns, choose, rng, quiet=0.0 if patterns is plan.style.bass else 0.12):
        for when, held, symbol in _events(pattern, plan.swing):
            root, chord = plan.chords[b][int(when * len(plan.chords[b]))]
            degrees = dict(zip("1357", (*chord, 9))) | {"2": 2, "6": 9, "8": 12}
            low = register + (root - register) % 12
            if symbol != "x":
                pitches = [low + degrees[symbol]]
            elif chord == CHORDS["5"]:  # a power chord stays low and as it is
                pitches = [40 + (root - 40) % 12 + interval for interval in chord]
            else:  # each tone in the octave above the register, so that chords are joined smoothly
                pitches = [register + (root + interval - register) % 12 for interval in chord]
            gain = rng.uniform(0.75, 1)
            for pitch in pitches:
                yield b + when, voice(pitch, held, 0), gain


def _lead(plan, timbre, register, choose, rng):
    """A melody of bars A B A C: each repeats its rhythm and contour and begins on a tone of its chord."""
    voice, scale = _voice(timbre, plan), SCALES[choose(plan.style.scales)]
    ladder = [midi for midi in range(register, register + 20) if (midi - plan.key) % 12 in scale]
    rhythms = choose(plan.style.lead), choose(plan.style.lead), choose(plan.style.lead)
    leap = plan.style.leap
    contours = np.cumsum(rng.integers(-leap, leap + 1, (3, 24)), axis=1)
    starts = rng.integers(2, len(ladder) - 2, 3)
    for b, _ in _bars(plan, plan.style.lead, choose, rng, quiet=0.2):
        motif = (0, 1, 0, 2)[b % 4]
        root, chord = plan.chords[b][0]
        tones = [step for step, midi in enumerate(ladder) if (midi - root) % 12 in chord] or [0]
        first = min(tones, key=lambda step: abs(step - starts[motif]))
        for k, (when, held, _) in enumerate(_events(rhythms[motif], plan.swing)):
            step = (first + contours[motif, k] - contours[motif, 0]) % (2 * len(ladder) - 2)
            pitch = ladder[min(step, 2 * len(ladder) - 2 - step)]  # turns back at both ends
            yield b + when, voice(pitch, held, int(rng.integers(4))), rng.uniform(0.75, 1)


def _voice(timbre, plan):
    """The instrument as a function of pitch, length in bars and vowel; it makes each of its notes once."""
    return cache(lambda midi, held, vowel: _tone(timbre, midi, held * plan.bar / plan.sr, vowel, plan))


def _tone(timbre, midi, seconds, vowel, plan):
    """One note: a period is summed from harmonics, read out at the pitch and shaped in time."""
    release = 0.06
    t = np.arange(int((min(seconds, 8) + release) * plan.sr), dtype=np.float32) / plan.sr
    hz = 440 * 2 ** ((midi - 69) / 12)
    k = np.arange(1, 1 + int(np.clip(0.45 * plan.sr / hz, 1, 100)))
    strength = k ** (-timbre.slope / plan.colour) * np.where(k % 2, 1, timbre.even)
    if timbre.vowels:
        formants = timbre.vowels[vowel % len(timbre.vowels)]
        strength *= 0.03 + sum(
            0.6**i * np.exp(-(((k * hz - f) / (90 + 0.07 * f)) ** 2)) for i, f in enumerate(formants)
        )

    def period(strength):
        spectrum = np.zeros(1025, complex)
        spectrum[1 : len(k) + 1] = strength / np.sqrt(np.sum(strength**2)) * np.exp(1j * k**2)  # phases spread the peak
        return (fft.irfft(spectrum) * 2048).astype(np.float32)

    phase = hz * t
    if timbre.vibrato:
        phase += np.float32(hz * timbre.vibrato * 0.058 / (2 * np.pi * 5.5)) * np.sin(np.float32(2 * np.pi * 5.5) * t)
    at = (phase * 2048).astype(np.int32)
    note = period(strength)[at & 2047]
    if timbre.chorus:
        note = 0.7 * (note + period(strength)[(at + at // 170) & 2047])
    if timbre.strike:
        mellow = period(strength / k)[at & 2047]
        note = mellow + timbre.strike * (note - mellow) * np.exp(-4 * t / timbre.decay)
    return note * np.exp(-t / timbre.decay) * np.minimum(1, t / timbre.attack) * np.minimum(1, (t[-1] - t) / release)


def _produce(mix, sound, sr, between, rng):
    """Room, equaliser, hiss and level: what is done to a mix in the studio and by the years."""
    n, size = len(mix), fft.next_fast_len(len(mix) + 2 * sr, real=True)
    room_time, wet = between(*sound.tail), between(0.02, 0.3)
    t = np.arange(int(1.2 * room_time * sr)) / sr
    room = rng.standard_normal(len(t)) * np.exp(-6.9 * t / room_time) * (t > 0.01)
    room[0], room[1:] = 1, wet * room[1:] / np.sqrt(np.sum(room[1:] ** 2))
    octaves = np.log2(np.maximum(np.arange(size // 2 + 1) * sr / size, 20) / 640)
    db = between(-3, 3) * octaves
    for centre in (-3, -1, 1, 3):
        db += between(-9, 9) * np.exp(-((octaves - centre) ** 2))
    db -= 24 * np.maximum(0, octaves - between(1.5, 4.5))  # an old recording ends early
    spectrum = fft.rfft(mix, size) * fft.rfft(room.astype(np.float32), size) * (10 ** (db / 20)).astype(np.float32)
    y = fft.irfft(spectrum, size)[:n]
    y /= np.sqrt(np.mean(y**2)) + 1e-9
    press = between(0.1, 0.5)  # a compressor presses the peaks together
    y = np.tanh(press * y) + np.float32(10 ** (between(-70, -36) / 20)) * rng.standard_normal(n, dtype=np.float32)
    y *= np.float32(10 ** (between(-28, -13) / 20)) / np.sqrt(np.mean(y**2))
    return np.clip(y, -0.99, 0.99).astype(np.float32)
