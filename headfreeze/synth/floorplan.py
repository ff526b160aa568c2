"""Where on the floor something can stand: inside the walls, under the ceiling, beside what is there already."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple


class Plane(NamedTuple):
    """A flat boundary: the room lies where `normal · x + offset ≥ 0`; the normal, of unit length, points into it."""

    normal: tuple[float, float, float]
    offset: float
    label: str
    material: int


class Spot(NamedTuple):
    """A rectangle of the floor: centre, half extents, and the direction of its first side."""

    x: float
    y: float
    half_width: float
    half_depth: float
    yaw_deg: float = 0.0

    def reach(self, nx: float, ny: float) -> float:
        """Half its extent along a direction."""
        c, s = math.cos(math.radians(self.yaw_deg)), math.sin(math.radians(self.yaw_deg))
        return self.half_width * abs(c * nx + s * ny) + self.half_depth * abs(c * ny - s * nx)

    def apart_from(self, other: "Spot") -> bool:
        """Whether a side of this rectangle separates it from the other."""
        c, s = math.cos(math.radians(self.yaw_deg)), math.sin(math.radians(self.yaw_deg))
        dx, dy = other.x - self.x, other.y - self.y
        along, across = abs(c * dx + s * dy), abs(c * dy - s * dx)
        return along >= self.half_width + other.reach(c, s) or across >= self.half_depth + other.reach(-s, c)


@dataclass
class FloorPlan:
    """The room's boundaries, and the spots that are taken."""

    planes: list[Plane] = field(default_factory=list)
    taken: list[Spot] = field(default_factory=list)

    def inside(self, spot: Spot) -> bool:
        """Whether a spot lies between the walls."""
        walls = (p for p in self.planes if p.label == "wall")
        return all(
            p.normal[0] * spot.x + p.normal[1] * spot.y + p.offset - spot.reach(p.normal[0], p.normal[1]) > 0.01
            for p in walls
        )

    def free(self, spot: Spot) -> bool:
        """Whether a spot lies between the walls and shares no ground with one that is taken."""
        return self.inside(spot) and all(spot.apart_from(other) or other.apart_from(spot) for other in self.taken)

    def headroom_m(self, spot: Spot) -> float:
        """Height of the ceiling where it is lowest over a spot."""
        ceilings = (p for p in self.planes if p.label == "ceiling")
        return min(
            (p.normal[0] * spot.x + p.normal[1] * spot.y + p.offset - spot.reach(p.normal[0], p.normal[1]))
            / -p.normal[2]
            for p in ceilings
        )
