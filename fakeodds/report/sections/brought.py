"""The detectors that somebody else trained: what is known of them, and what they may have seen."""

import pandas as pd

from base_models.frozen.seen import seen_notes
from fakeodds.report.contents import Contents
from fakeodds.report.elements import Part, Section, Table, Words, cell
from fakeodds.view.format import shorten

_VERDICTS = {"up": "FAKE is up", "down": "upside down", "chance": "near chance here"}


def build(contents: Contents) -> Section | None:
    """A row a detector: the golden check, licence, what it was trained on."""
    brought = (contents.metrics or {}).get("brought")
    if not brought:
        return None
    table = prepare_brought(brought)
    seen = [name for name, facts in brought.items() if facts["seen"]]
    lead = f"{len(table)} detectors were trained elsewhere and scored as they are."
    if len(table) == 1:
        lead = f"{table['detector'].iloc[0]} was trained elsewhere and scored as it is."
    lead += " " + (
        f"{', '.join(seen)} may have seen these very videos."
        if seen
        else "What they were trained on is what their cards say."
    )
    parts: list[Part] = [Words(str(note), warning=True) for note in seen_notes(brought)]
    parts.append(
        Table.of(
            table,
            {
                "detector": cell("detector", shorten, 48),
                "AUC of some faces": cell("auc"),
                "says": cell("verdict"),
                "trained on": cell("trained_on", shorten, 48),
                "licence": cell("licence", shorten, 32),
            },
            texts=(0, 2, 3, 4),
            note="The golden check looks at a few dozen faces before anything is scored; nothing "
            "is chosen by it.",
        )
    )
    return Section("brought", "Detectors trained elsewhere", lead, parts)


def prepare_brought(brought: dict[str, dict[str, object]]) -> pd.DataFrame:
    """A row a detector: `detector`, `auc` (a text with its interval), `verdict`, `trained_on`,
    `licence`."""
    rows = []
    for name, facts in brought.items():
        golden = facts["golden"]
        auc, verdict = "-", "-"
        if isinstance(golden, dict):
            auc = f"{golden['auc']:.3f} ({golden['low']:.3f}-{golden['high']:.3f})"
            verdict = _VERDICTS[golden["verdict"]]
        trained_on = facts["trained_on"]
        assert isinstance(trained_on, list)
        rows.append(
            {
                "detector": name,
                "auc": auc,
                "verdict": verdict,
                "trained_on": ", ".join(trained_on) or "not known",
                "licence": facts["licence"] or "not known",
            }
        )
    return pd.DataFrame(rows)
