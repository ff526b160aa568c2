"""Whether the cameras of a pair look up or down by other angles, told by each label map that both domains have."""

from collections.abc import Iterator, Sequence

from headfreeze.data.folder import Dataset
from headfreeze.data.pitch import notable, pitches_between


def pitch_lines(source: Dataset, target: Dataset, anchors: Sequence[str]) -> Iterator[str]:
    """A line where cameras are pitched notably otherwise by most anchors, and what to do about it."""
    known = pitches_between(source, target, anchors)
    if middle := round(notable(known)):
        each = ", ".join(f"{pitch.deg:+.0f}° by {name}" for name, pitch in known.items())
        yield (
            f"cameras:     the target's look {abs(middle)}° further {'up' if middle > 0 else 'down'} than the source's"
            f" ({each}); train baseline+aligned and mtl-both+aligned, or any recipe with --source_pitch_deg {middle}"
        )
