"""How ten genres usually go, as data: timbres, scales, chords and a style for each. Explained in notebook 01.

`band` plays them.

Everything that repeats is a **pattern**, a string that divides one bar evenly: ``"x...x...x...x..."`` is a hit on each
beat of sixteen sixteenths, ``"x.xx.xx.xx.x"`` a shuffle in triplets, ``"1356"`` a bass that walks in quarters. A dot
rests and a dash holds. Drums know ``x``, ``X`` (loud) and ``o`` (soft); bass and chords know the degrees of the chord
of the moment, or ``x`` for all of it; in a lead ``x`` is the melody's next note.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timbre:
    """One tone colour: harmonics that fall by a power of their number, and what happens to them in time.

    Attributes
    ----------
    slope : float
        Exponent by which the harmonics fall: 1 buzzes like a saw, 3 is nearly a sine.
    attack : float
        Seconds.
    decay : float
        Seconds until the tone has fallen to 1/e; 30 sustains.
    strike : float
        Extra brightness that dies away four times faster, as in a plucked string.
    even : float
        Strength of the even harmonics: 0 is hollow, like a clarinet.
    vibrato : float
        Depth in semitones.
    chorus : bool
        A second voice, slightly out of tune.
    drive : float
        How hard an amplifier is overloaded.
    vowels : tuple of tuple of int
        Formants in Hz, one tuple a vowel; a note picks one.
    """

    slope: float
    attack: float = 0.005
    decay: float = 30.0
    strike: float = 0.0
    even: float = 1.0
    vibrato: float = 0.0
    chorus: bool = False
    drive: float = 0.0
    vowels: tuple = ()


VOWELS = ((750, 1150, 2600), (420, 900, 2500), (500, 1800, 2500), (320, 2200, 2900))
TIMBRES = {
    "piano": Timbre(2.2, decay=0.9, strike=0.8),
    "epiano": Timbre(2.8, decay=1.2, strike=0.5, vibrato=0.05),
    "nylon": Timbre(2.2, decay=0.5, strike=0.9),
    "clean": Timbre(1.7, decay=0.7, strike=0.8),
    "steel": Timbre(1.5, attack=0.03, decay=2.0, vibrato=0.25),
    "banjo": Timbre(1.2, decay=0.2, strike=0.9),
    "scratch": Timbre(1.1, decay=0.12, strike=0.8),
    "crunch": Timbre(1.6, decay=2.0, drive=3.0),
    "distorted": Timbre(1.4, decay=4.0, drive=9.0),
    "organ": Timbre(1.8, attack=0.01, even=0.6, vibrato=0.08, chorus=True),
    "strings": Timbre(1.4, attack=0.09, vibrato=0.1, chorus=True),
    "fiddle": Timbre(1.2, attack=0.05, vibrato=0.2),
    "brass": Timbre(1.2, attack=0.03, vibrato=0.05),
    "sax": Timbre(1.4, attack=0.03, even=0.7, vibrato=0.15),
    "reed": Timbre(1.6, attack=0.04, even=0.25, vibrato=0.1),
    "flute": Timbre(2.8, attack=0.06, vibrato=0.15),
    "saw": Timbre(1.0, chorus=True),
    "square": Timbre(1.2, even=0.0),
    "bell": Timbre(2.4, decay=0.8, strike=1.0, even=0.2),
    "voice": Timbre(0.9, attack=0.03, vibrato=0.2, vowels=VOWELS),
    "rap": Timbre(0.8, 0.01, 0.25, vowels=VOWELS),
    "growl": Timbre(0.7, attack=0.01, drive=4.0, vowels=VOWELS[:2]),
    "finger": Timbre(2.2, decay=0.8, strike=0.5),
    "upright": Timbre(2.6, decay=0.5, strike=0.5),
    "pick": Timbre(1.6, decay=0.9, strike=0.7),
    "synthbass": Timbre(1.3, decay=0.4, strike=0.6, even=0.4),
    "sub": Timbre(3.2, decay=1.2),
}

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "phrygian": (0, 1, 3, 5, 7, 8, 11),
    "bebop": (0, 2, 4, 5, 7, 9, 10, 11),
}
NUMERALS = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
CHORDS = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "6": (0, 4, 7, 9),
    "5": (0, 7, 12),
    "m5": (0, 7, 12),
    "9": (0, 4, 10, 14),
    "m9": (0, 3, 10, 14),
    "mdim": (0, 3, 6),
}


@dataclass(frozen=True)
class Style:
    """What a genre usually does. Of each tuple a piece takes one; an empty pattern leaves the part out.

    Attributes
    ----------
    near : tuple of str
        Genres whose sound an artist of this one may borrow.
    tempo : tuple of float
        Beats a minute, lowest and highest.
    drums : tuple of str
        Each a kit: instrument and pattern in turn.
    bass : tuple of str
    comp : tuple of str
        The accompanying chords.
    lead : tuple of str
        Rhythms of the melody.
    chords : tuple of str
        Progressions, a chord a bar, "/" where two share one.
    scales : tuple of str
    bass_sounds, comp_sounds, lead_sounds : tuple of str
        Names in `TIMBRES`.
    metre : tuple of int
        Beats a bar.
    swing : tuple of float
        How late every other step comes, in steps, least and most.
    leap : int
        Largest step of the melody in its scale.
    tail : tuple of float
        Seconds of reverberation, least and most.
    echo : tuple of float
        Strength of the echo on the chords, least and most.
    loose : float
        Seconds by which notes miss the grid.
    """

    near: tuple
    tempo: tuple
    drums: tuple
    bass: tuple
    comp: tuple
    lead: tuple
    chords: tuple
    scales: tuple
    bass_sounds: tuple
    comp_sounds: tuple
    lead_sounds: tuple
    metre: tuple = (4,)
    swing: tuple = (0.0, 0.08)
    leap: int = 2
    tail: tuple = (0.3, 1.6)
    echo: tuple = (0.0, 0.0)
    loose: float = 0.006


STYLES = {
    "blues": Style(
        near=("rock", "country", "jazz"),
        tempo=(62, 125),
        drums=(
            "kick x.....x..... snare ...x.....x.. ride x.xx.xx.xx.x",
            "kick x....xx....x snare ...x.....x.. hat x.xx.xx.xx.x",
            "kick x.....x..x.. snare ...x.....x.. hat xxxxxxxxxxxx",
            "rim ...x.....x.. shaker x.xx.xx.xx.x",
            "",
        ),
        bass=("1..3..5..6..", "1.13.35.56.6", "1.11.11.15.5", "1-.5-.6-.5-.", "8..7..5..3.."),
        comp=("x.xx.xx.xx.x", "...x.....x..", "x-----x-....", "..x..x..x..x", "x.x...x.x..."),
        lead=("x.xx-....x.x", "x-----......", "..xx.xx--...", "............", "x.xx.xx-----"),
        chords=(
            "I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7",
            "I7 IV7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7",
            "I7 V7 IV7 IV7 I7 V7 I7 V7",
            "i7 i7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 i7",
        ),
        scales=("blues",),
        bass_sounds=("finger", "upright"),
        comp_sounds=("clean", "piano", "crunch", "organ"),
        lead_sounds=("crunch", "voice", "clean", "reed", "sax"),
        loose=0.012,
    ),
    "classical": Style(
        near=("jazz",),
        tempo=(60, 150),
        metre=(3, 4, 4),
        drums=("",),
        bass=("1---", "1---5---", "1-3-5-3-", "1---5---3---5---", "1-------"),
        comp=("1535153515351535", "158535158535", "x---------------", "1.x.x.", "153585", "x-------x-------"),
        lead=("xxxxxxxx", "x---x-x-", "x-xxx-xx", "x---x---", "x--xx-x-", "xxxxxxxxx---x---", "x-------"),
        chords=(
            "I V I V I IV V I",
            "i iv bVII bIII bVI iidim V i",
            "I vi IV ii V I V I",
            "i V i iv i V bVI V",
            "I IV/V I vi/ii V V I I",
            "i bVI iidim V i iv V i",
        ),
        scales=("major", "minor"),
        bass_sounds=("strings", "piano", "nylon"),
        comp_sounds=("piano", "strings", "nylon", "strings", "flute"),
        lead_sounds=("piano", "fiddle", "flute", "reed", "strings", "nylon"),
        leap=3,
        tail=(0.8, 2.6),
        loose=0.02,
    ),
    "country": Style(
        near=("blues", "rock", "pop"),
        tempo=(84, 150),
        metre=(4, 4, 4, 3),
        drums=(
            "kick x.......x....... snare ....x.......x... brush x.xxx.xxx.xxx.xx",
            "kick x...x... snare ..x...x. hat xxxxxxxx",
            "kick x...x... rim ..x...x. shaker xxxxxxxx",
            "kick x...x... snare o.oXo.oXo.oXo.oX",
            "",
        ),
        bass=("1.5.", "1-.-5-.-", "1...5.6.", "1.5."),
        comp=(".x.x", "..x...xx", "..x..x...x..x...", "x.xxx.xxx.xxx.xx", "1358358135813588"),
        lead=("x.x.x-x.", "x---x-x-", "xxxxx---", "........", "x-x-xxxx", "..xxx-.."),
        chords=("I I IV I I I V I", "I IV V I", "I I IV IV V V I I", "I V vi IV I V I I", "I IV I V"),
        scales=("pentatonic", "major"),
        bass_sounds=("upright", "finger", "pick"),
        comp_sounds=("clean", "nylon", "banjo", "piano"),
        lead_sounds=("voice", "fiddle", "steel", "banjo", "clean", "voice"),
    ),
    "disco": Style(
        near=("pop", "hiphop"),
        tempo=(108, 132),
        drums=(
            "kick x...x...x...x... snare ....x.......x... open ..x...x...x...x. hat x.x.x.x.x.x.x.x.",
            "kick x...x...x...x... clap ....x.......x... hat xxxxxxxxxxxxxxxx open ..x...x...x...x.",
            "kick x...x...x...x... snare ....x.......x..x open ..x...x...x...x. shaker xxxxxxxxxxxxxxxx",
        ),
        bass=("1.8.1.8.1.8.1.8.", "1..81.8.1..81.8.", "..1...1...1.358.", "1.8.1.8.5.8.7.8."),
        comp=("..xx..x...xx..x.", "x..x..x...x..x..", "x-------........", "..x...x...x...x.", "xxxxx.xxxxxxx.xx"),
        lead=("x---x---x---....", "x.x.x-..x.x.x-..", "........xxxxxxxx", "x-----------....", "..x.x.x-----...."),
        chords=("i7 iv7 bVII7 bIIImaj7", "i bVII bVI V", "ii7 V7 Imaj7 vi7", "i7 i7 iv7 iv7", "vi ii V I"),
        scales=("minor", "dorian", "major"),
        bass_sounds=("finger", "synthbass", "pick"),
        comp_sounds=("scratch", "clean", "epiano", "strings", "piano"),
        lead_sounds=("strings", "voice", "brass", "saw", "voice"),
    ),
    "hiphop": Style(
        near=("reggae", "pop", "disco"),
        tempo=(76, 104),
        swing=(0.1, 0.4),
        drums=(
            "kick x..x..x...x..... snare ....x.......x... hat x.x.x.x.x.x.x.x.",
            "kick x.....xx..x....x snare ....x.......x... hat x.x.x.xxx.x.x.x.",
            "kick x.x.......xx.... clap ....x.......x... hat xxxxxxxxxxx.xxxx",
            "kick x......x.xx..... snare ....x..o.o..x... hat x.x.x.x.x.x.xxx.",
        ),
        bass=("1-----..1.1.....", "1--1--..........", "1-..5.7.8-......", "1------.....7.8.", "1.....1...1....."),
        comp=("x-------........", "x...x...x...x...", "1.5.8.5.3.5.8.5.", "x--x--x---......", "........x-..x-.."),
        lead=("xxx.xxxxxx.xxx.x", "x.xxx.xxx.xxxx..", "xxxx.xxxxxx.xx..", "x.x.xxxxx.x.xxx.", "..xxxxxx..xxxxxx"),
        chords=("i7 i7 i7 i7", "i bVI i bVI", "i9 iv9", "i bVII bVI bVII", "ii9 ii9 i9 i9"),
        scales=("minor", "blues"),
        bass_sounds=("sub", "finger", "synthbass"),
        comp_sounds=("piano", "epiano", "bell", "strings", "clean"),
        lead_sounds=("rap",),
        leap=1,
    ),
    "jazz": Style(
        near=("blues", "classical"),
        tempo=(95, 220),
        metre=(4, 4, 4, 3),
        drums=(
            "ride x..x.xx..x.x hat ...x.....x..",
            "ride x..x.xx..x.x hat ...x.....x.. kick o..o..o..o.. snare .....o.o....",
            "brush x.xx.xx.xx.x hat ...x.....x..",
            "rim x..x..x...x..x.. hat x.x.x.x.x.x.x.x. kick x..xx..xx..xx..x",
            "",
        ),
        bass=("1356", "1357", "8753", "1585", "1.35", "1.23.5"),
        comp=("x-...x......", "..x.....x-..", "x-----......", ".....x.....x", "...x-.......", ""),
        lead=("x.xx.xx.xx.x", "..xx.xx.xx--", "xxxx.xx.xx..", "............", "x.xx.x......", ".....xx.xx.x"),
        chords=(
            "ii7 V7 Imaj7 Imaj7",
            "Imaj7/vi7 ii7/V7 iii7/vi7 ii7/V7",
            "i7 i7 ii7 V7",
            "Imaj7 ii7 iii7 bIII7 ii7 bII7 Imaj7 VI7",
            "I7 IV7 I7 I7 IV7 IV7 I7 VI7 ii7 V7 I7 V7",
        ),
        scales=("bebop", "dorian"),
        bass_sounds=("upright",),
        comp_sounds=("piano", "clean", "epiano", "nylon"),
        lead_sounds=("sax", "brass", "piano", "clean", "flute", "reed"),
        leap=3,
        loose=0.012,
    ),
    "metal": Style(
        near=("rock",),
        tempo=(95, 180),
        drums=(
            "kick xxxxxxxxxxxxxxxx snare ....x.......x... crash x.......x.......",
            "kick x.xxx.xxx.xxx.xx snare ....x.......x... hat x...x...x...x...",
            "kick x.x.x.x.x.x.x.x. snare .x.x.x.x.x.x.x.x ride x.x.x.x.x.x.x.x.",
            "kick x..x..x.xx..x.x. snare ........x....... crash x...x...x...x...",
        ),
        bass=("1.111.111.111.11", "1111111111111111", "1..1..1.11..1.1.", "1---1---1---3---"),
        comp=("x.xxx.xxx.xxx.xx", "xxxxxxxxxxxxxxxx", "x..x..x.xx..x.x.", "x-------x---x---", "xxx.xxx.xxx.xx--"),
        lead=("xxxxxxxxxxxxxxxx", "x---x---x-x-....", "................", "xx.xxx.xxx--....", "x.x.x.x.x---...."),
        chords=("i5 i5 bVI5 bVII5", "i5 bII5 i5 bV5", "i5 i5 i5 bIII5/bII5", "i5 bVI5 iv5 bVII5"),
        scales=("phrygian", "minor"),
        bass_sounds=("pick", "finger"),
        comp_sounds=("distorted", "distorted", "crunch"),
        lead_sounds=("distorted", "growl", "voice", "growl"),
    ),
    "pop": Style(
        near=("disco", "rock", "hiphop"),
        tempo=(84, 128),
        drums=(
            "kick x.......x.x..... snare ....x.......x... hat x.x.x.x.x.x.x.x.",
            "kick x...x...x...x... clap ....x.......x... hat ..x...x...x...x.",
            "kick x.....x...x..... snare ....x.......x... hat xxxxxxxxxxxxxxxx",
            "kick x..x..x.x..x..x. clap ....x.......x... shaker x.x.x.x.x.x.x.x.",
            "",
        ),
        bass=("1-1-1-1-1-1-1-1-", "1------.1-----5-", "1--1--1-1--1--5-", "1---------------"),
        comp=("x...x.xx..xxx.x.", "x---------------", "x-----x-----x---", "1.5.8.5.3.5.8.5.", "x-x-x-x-x-x-x-x-"),
        lead=("x-x-x-x---x-x---", "x.xx..x-x---....", "..x-x-x-x-------", "x-----x-----....", "xxx-x-x-x---...."),
        chords=("I V vi IV", "vi IV I V", "I vi IV V", "IV I V vi", "I iii IV V"),
        scales=("major", "pentatonic"),
        bass_sounds=("synthbass", "finger", "sub"),
        comp_sounds=("piano", "saw", "clean", "epiano", "nylon", "strings"),
        lead_sounds=("voice", "voice", "voice", "square", "saw"),
    ),
    "reggae": Style(
        near=("hiphop", "pop", "blues"),
        tempo=(64, 92),
        swing=(0.05, 0.3),
        drums=(
            "kick ........x....... rim ........x....... hat x.x.x.x.x.x.x.x.",
            "kick ....x.......x... rim ....x.......x... hat x.xxx.x.x.xxx.x.",
            "kick x...x...x...x... snare ....x.......x... hat x.x.x.x.x.x.x.x.",
            "kick x.......x....... snare ........x..o.... hat ..x...x...x...x.",
        ),
        bass=("1-..1.3.5-......", "..1.1.3.5-5-....", "1--.5--.8--.5.3.", "....1-1.3.5.3.1."),
        comp=("..x...x...x...x.", "....x.......x...", "..xx..xx..xx..xx", "..x...x...x...xx"),
        lead=("x.x.x-......x.x.", "..x.x.x-x---....", "x---....x-x-....", "................", "xx.x.x.x--......"),
        chords=("I IV I IV", "i iv i iv", "I V IV IV", "i bVII i bVII", "I ii I ii", "i i V i"),
        scales=("minor", "major", "pentatonic"),
        bass_sounds=("finger", "sub"),
        comp_sounds=("clean", "organ", "piano", "scratch"),
        lead_sounds=("voice", "voice", "brass", "organ"),
        echo=(0.0, 0.6),
    ),
    "rock": Style(
        near=("metal", "blues", "pop", "country"),
        tempo=(92, 160),
        drums=(
            "kick x.......x.x..... snare ....x.......x... hat x.x.x.x.x.x.x.x.",
            "kick x.x.....x.x..... snare ....x.......x..o ride x.x.x.x.x.x.x.x.",
            "kick x..x..x.x.x..... snare ....x.......x... open x...x...x...x...",
            "kick x.....x.x....... snare x...x...x...x... crash x...x...x...x...",
        ),
        bass=("11111111", "1.1.1.11", "1--11-1-", "1-1-5-7-", "11335577"),
        comp=("xxxxxxxx", "x-.xx-.x", "x-------", "x..x..x-x..x..x-", "x-x-..xx"),
        lead=("x-x-x---", "x.xxx-..", "........", "xx.xx.x-", "x-------", "xxxxxxxx"),
        chords=("I bVII IV I", "I IV V IV", "i5 bVII5 bVI5 bVII5", "I V vi IV", "i5 bIII5 iv5 i5", "I I IV V"),
        scales=("blues", "pentatonic", "minor"),
        bass_sounds=("pick", "finger"),
        comp_sounds=("crunch", "distorted", "clean", "crunch"),
        lead_sounds=("voice", "crunch", "voice", "distorted"),
    ),
}
