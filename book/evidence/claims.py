"""The page of claims: what both papers say, what arithmetic and our runs say of it, and a verdict on each."""

from collections import Counter
from functools import cache
from typing import NamedTuple

from . import RESULTS, ROOT, rules
from .listed import FMA_CLAIMS, IRN_CLAIMS, Claim
from .measured import ALSO, UNLIKE, NotTested, Runs

PAPERS = {"The Inception-ResNet paper": ("valdera2025", IRN_CLAIMS), "The FMA study": ("fella", FMA_CLAIMS)}
MOST_IMPORTANT = (
    "Inception-ResNet has fewer parameters than BBNN",
    "Inception-ResNet is more accurate than BBNN",
    "Baseline A-2D is better than Baseline B",
)
DATA = """\
Our GTZAN runs read log-mels of 387 frames × 128 mels (12.9 frames a second, recovered from published images), those
on fma_small 128 × 128 of whole tracks. Networks were trained without augmentation. Each row says of what it was
asked, and in which main points that is unlike the paper. Numbers in brackets are 95 % intervals. Unless the row says
otherwise they are by artist where artists are known, else by clip. What other seeds would change they do not cover; an
interval over seeds does, and with one seed nothing can."""


class Row(NamedTuple):
    """A claim with its verdict; `why` says why it was not tested."""

    claim: Claim
    arithmetic: str
    measured: str
    verdict: str
    why: str

    @property
    def kind(self):
        return rules.kind(self.verdict)

    @property
    def shown(self):
        """The verdict, marked where it is of our runs."""
        return f"**{self.verdict}**" + ", in our runs" * (bool(self.measured) and self.verdict != rules.NOT_TESTED)

    @property
    def nearest(self):
        """What it rests on; of measurements, the one that is most like the paper's."""
        return self.measured.split(ALSO)[0] or self.arithmetic


@cache
def computed(arithmetic):
    return arithmetic()


def judge(claim, runs):
    """The row of a claim."""
    said = computed(claim.arithmetic) if claim.arithmetic else None
    text, verdict, why = "", said.verdict if said else rules.NOT_TESTED, claim.reason
    if claim.measured:
        try:
            text, verdict, why = claim.measured(runs)
        except NotTested as error:
            verdict, why = rules.NOT_TESTED, str(error)
    return Row(claim, said.text if said else "", text, verdict, why if verdict == rules.NOT_TESTED else "")


@cache
def judged(folder=RESULTS):
    """A row a claim, by paper.

    Parameters
    ----------
    folder : Path
        That holds ``runs.toml`` and the kept results.

    Returns
    -------
    dict of str to list of Row
    """
    runs = Runs(folder)
    return {title: [judge(claim, runs) for claim in claims] for title, (_, claims) in PAPERS.items()}


def page(folder=RESULTS):
    """The page, in MyST Markdown."""
    rows = judged(folder)
    blocks = ["# Every claim, and a verdict", found(rows), "## How a verdict is reached", rules.TEXT, DATA]
    for title, (paper, _) in PAPERS.items():
        blocks += [f"## {title}", f"{{cite:t}}`{paper}`, {len(rows[title])} claims: {tally(rows[title])}"]
        for subject in dict.fromkeys(row.claim.subject for row in rows[title]):
            blocks += [f"### {subject}", table([row for row in rows[title] if row.claim.subject == subject])]
    return "\n\n".join([*blocks, "## What is not tested, and why", untested(rows)]) + "\n"


def summary(folder=RESULTS):
    """A short block for the landing page, in MyST Markdown."""
    rows = judged(folder)
    counts = {title: Counter(row.kind for row in of_paper) for title, of_paper in rows.items()}
    lines = [f"| Verdict | {' | '.join(rows)} |", "|---|" + "--:|" * len(rows)]
    for kind in rules.VERDICTS:
        named = "holds within a margin" if kind == rules.WITHIN else kind
        lines.append(f"| {named} | {' | '.join(str(of_paper[kind]) for of_paper in counts.values())} |")
    by_headline = {row.claim.headline: row for row in every(rows)}
    told = [(headline, by_headline[headline]) for headline in MOST_IMPORTANT]
    told = [f"- {headline}: {row.shown}. {row.nearest} {sentence(row.why)}".rstrip() for headline, row in told]
    return "\n".join([*lines, "", *told, "", "[All claims and how each verdict is reached](claims.md)."])


def every(rows):
    return [row for of_paper in rows.values() for row in of_paper]


def sentence(text):
    return f"{text[0].upper()}{text[1:]}." if text else ""


def tally(rows):
    counts = Counter(row.kind for row in rows)
    one = ("holds", "holds within a margin", "is undecided", "fails", "is not tested")
    several = ("hold", "hold within a margin", "are undecided", "fail", "are not tested")
    words = zip(rules.VERDICTS, one, several)
    return ", ".join(f"{counts[kind]} {s if counts[kind] == 1 else p}" for kind, s, p in words if counts[kind]) + "."


def found(rows):
    """What stands out, in a few sentences."""
    flat = every(rows)
    named = {kind: [] for kind in rules.VERDICTS}
    for row in flat:
        if row.claim.headline:
            named[row.kind].append(row.claim.headline + " (in our runs)" * bool(row.measured))
    asked = [row for row in flat if row.measured]
    kinds = Counter(row.kind for row in asked)
    decided = len(asked) - kinds[rules.UNDECIDED] - kinds[rules.NOT_TESTED]
    lines = [f"We found {len(flat)} claims in the two papers: {tally(flat)}"]
    begin = {
        rules.HOLDS: "Among the claims that hold",
        rules.WITHIN: "Among those that hold within a margin",
        rules.UNDECIDED: "Among those that stay undecided",
        rules.FAILS: "Among those that fail",
    }
    told = {words: "; ".join(named[kind]) for kind, words in begin.items()}
    lines += [f"{words}: {names}." for words, names in told.items() if names]
    unlike = sum(row.why == UNLIKE for row in asked)
    lines.append(
        f"Our runs on real music speak to {len(asked)} of these claims. They decide {decided or 'none'}; "
        f"{kinds[rules.UNDECIDED]} stay undecided, for an interval leaves both answers open or a network was "
        f"trained once; {kinds[rules.NOT_TESTED]} stay not tested, {unlike} of them because our runs are too unlike "
        "the paper's. The other claims are judged by arithmetic, or not tested."
    )
    return "\n\n".join(lines)


def table(rows):
    """Rows as a list-table, one item a cell."""
    lines = [":::{list-table}", ":header-rows: 1", ":class: claims", ":widths: 25 27 33 15", ""]
    lines += ["* - Claim", "  - Arithmetic", "  - Measured", "  - Verdict"]
    for row in rows:
        claim = row.claim
        lines += [f"* - {claim.text}", "", f"    {link(claim)}"]
        measured = f"{row.measured} {sentence(row.why)}".strip()
        lines += [f"  - {row.arithmetic}".rstrip(), f"  - {measured}".rstrip(), f"  - {row.shown}"]
    return "\n".join([*lines, ":::"])


def link(claim):
    (notebook,) = (ROOT / "notebooks").glob(f"{claim.notebook}_*.ipynb")
    return f"{claim.place}; [notebook {claim.notebook}](../notebooks/{notebook.name})"


def untested(rows):
    """Reasons, the most frequent first, and the claims that each concerns."""
    reasons = {}
    for row in every(rows):
        if row.why:
            missing = row.why.startswith("the run `") and " is missing" in row.why
            reasons.setdefault("a run that it needs is missing" if missing else row.why, []).append(row.claim)
    lines = [
        f"- **{sentence(why)}** Claims: {len(claims)}. {'; '.join(claim.text for claim in claims)}."
        for why, claims in sorted(reasons.items(), key=lambda item: -len(item[1]))
    ]
    return "\n".join(lines)
