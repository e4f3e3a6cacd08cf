"""The rules by which a claim gets its verdict: each a function of numbers alone."""

import math

HOLDS, WITHIN, UNDECIDED, FAILS, NOT_TESTED = "holds", "holds within", "undecided", "fails", "not tested"
VERDICTS = (HOLDS, WITHIN, UNDECIDED, FAILS, NOT_TESTED)
MARGIN = 0.05  # of accuracy: what is "about equal" may differ by so much
DIP = 0.05  # of accuracy: a consistent increase never falls by more below its highest value so far
CUT_OFF = "(cut off, not rounded)"

TEXT = f"""\
**Completions.** The Inception-ResNet paper leaves filters and other details open. A *completion* is a network that
fits its text and fills them in so that all printed counts are met; our search finds several. [Notebook
06](../notebooks/06_inception_resnet.ipynb) builds two, named `keras_applications`, which our runs train, and
`uniform`. Others are called by the filters of their modules A, B and C, as 48-24-16.

**Arithmetic.** A printed number *holds* when it equals the recomputed one to its last printed digit, rounded or cut
off, as far as the rounding of the numbers that it is computed from allows. A statement about printed or counted numbers
*holds* when they bear it out in every case that the paper leaves open, such as both named completions; it *fails* when
they do in none, and is *undecided* otherwise.

**A is better than B.** The 95 % interval of the paired difference on the same clips decides: wholly above 0, the claim
*holds*; wholly below, it *fails*; otherwise it is *undecided*. One training of each network leaves the claim
*undecided*: an interval over clips cannot tell what another would have reached.

Where there are several seeds, a second interval decides with it, of the mean difference over seeds. Where all seeds
share one split, it is by Welch's *t*, for the seeds of two networks have nothing in common there but their numbers. The
one interval leaves the seeds out and the other the clips, so their errors are added, by squares, to one interval *with
both errors*. Where each seed draws its own split, the second interval goes seed by seed, by Student's *t*, corrected as
in [notebook 11](../notebooks/11_comparison.ipynb) where it is one split for each. Its seeds vary the clips, too. What
is judged reaches from the lower of the ends of the two to the higher.

**About equal.** The claim *holds within x*, where x is the end of that interval which is farther from 0, if x is at
most {100 * MARGIN:.0f} points. It *fails* when the whole interval lies beyond {100 * MARGIN:.0f} points, and is
*undecided* otherwise. **Not significantly better.** The claim *fails* when the interval lies wholly above 0. It *holds
within x*, its upper end, if x is at most {100 * MARGIN:.0f} points, and is *undecided* otherwise.

**A level**, such as an accuracy, or a statement about one training. It *holds* when the printed value lies within our
95 % interval, and *fails* when it lies outside, but only for the same network on like data by a like protocol.
Otherwise our number is shown and the claim is *not tested*. A consistent increase is one that never falls by more
than {100 * DIP:.0f} points below its highest value so far.

**It trains.** A completion trains when it has more than half of its training clips right in the last epoch. If all do
that were trained at the printed rate, the claim *holds*; else it is *undecided*, for each could be the paper's network.

Where a claim can be measured, the measurement gives the verdict and arithmetic only comments; where its run is missing,
the verdict is *not tested*. A measured verdict is of our runs and is marked *in our runs*. It answers the question in
italics, which names the main points in which they are unlike the paper's, and says nothing of what its authors measured
on theirs.

Each row of a printed table counts as a claim, and so does each statement. Of the FMA study's Table 1 each pair of rows
counts, too, whether or not its text compares the two. So the numbers of verdicts describe this list; they are no score
of a paper."""


def equals(printed, exact, decimals):
    """Whether a printed number is the exact one, rounded or cut off at its last printed digit."""
    unit = 10.0**-decimals
    return HOLDS if abs(printed - exact) <= unit / 2 + 1e-9 or 0 <= exact - printed < unit - 1e-9 else FAILS


def consistent(findings):
    """Whether arithmetic has nothing to find but digits that were cut off; findings are reasons in words."""
    return HOLDS if all(CUT_OFF in why for why in findings) else FAILS


def follows(*facts):
    """Whether a statement is true in every case, in none, or in some."""
    return HOLDS if all(facts) else UNDECIDED if any(facts) else FAILS


def both(mean, by_clip, over_seeds, several_splits):
    """One interval of two: their errors added by squares, or, where each seed draws its own split, from end to end."""
    if several_splits:
        return min(by_clip[0], over_seeds[0]), max(by_clip[1], over_seeds[1])
    down, up = (math.hypot(a - mean, b - mean) for a, b in zip(by_clip, over_seeds))
    return mean - down, mean + up


def trained_twice(verdict, seeds):
    """A verdict on which of two networks is better needs more than one seed of each."""
    return verdict if seeds > 1 else UNDECIDED


def better(low, high):
    """Whether the interval of a difference says that the first is better."""
    return HOLDS if low > 0 else FAILS if high < 0 else UNDECIDED


def about_equal(low, high, margin=MARGIN):
    """Within how much two are equal, by the interval of their difference."""
    most = max(abs(low), abs(high))
    if most <= margin:
        return f"{WITHIN} {100 * most:.1f} points"
    return FAILS if low > margin or high < -margin else UNDECIDED


def no_better(low, high, margin=MARGIN):
    """By how much the first may be better than the second at most, by the interval of their difference."""
    if low > 0:
        return FAILS
    return f"{WITHIN} {100 * max(high, 0):.1f} points" if high <= margin else UNDECIDED


def level(printed, low, high):
    """Whether a printed value lies within an interval of ours, which must be of like data and protocol."""
    return HOLDS if low <= printed <= high else FAILS


def steady(values, dip=DIP):
    """Whether a curve never falls by more than `dip` below its highest value so far."""
    highest = values[0]
    for value in values:
        if highest - value > dip:
            return FAILS
        highest = max(highest, value)
    return HOLDS


def if_alike(verdict, unlike):
    """A verdict on a level or a training counts only where nothing is unlike the paper's."""
    return NOT_TESTED if unlike else verdict


def kind(verdict):
    """One of `VERDICTS`: "holds within 2.1 points" is "holds within"."""
    return WITHIN if verdict.startswith(WITHIN) else verdict
