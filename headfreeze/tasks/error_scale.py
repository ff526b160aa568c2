"""What a task's error of a single pixel is, for histograms, curves and maps of errors."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorScale:
    """An error of a pixel: what it is called and how far it reaches.

    Attributes:
        name: such as "angular error".
        unit: written behind numbers; may be empty.
        end: histograms end here; what is larger counts in the last bin.
        bins: of a histogram, of equal width; 2 for an error that is there or not.
        brightest: maps of errors are as bright as they get from here on.
    """

    name: str
    unit: str
    end: float
    bins: int
    brightest: float

    @property
    def graded(self) -> bool:
        """Whether it is worth asking how large an error is, not only whether it is there."""
        return self.bins > 2
