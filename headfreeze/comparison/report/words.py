"""How a report says things that tables do not."""

from collections.abc import Sequence


def duration(seconds: float) -> str:
    """Time that is left or was taken, in one unit or two."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 48 else f"{hours / 24:.0f} days"


def listed(names: Sequence[str], joint: str = "and") -> str:
    """'a', 'a and b', 'a, b and c'."""
    return f" {joint} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
