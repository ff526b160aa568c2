"""Recipes can be told apart in figures, and figures are the same bytes for the same numbers."""

from pathlib import Path

from headfreeze.comparison.figures.scores import Against, draw_differences
from headfreeze.comparison.figures.style import INK, drawing, looks, save
from headfreeze.recipes import RECIPES


def test_every_recipe_looks_different_and_an_adversary_changes_the_dash_alone() -> None:
    found = looks([*RECIPES, *(f"own-{k}" for k in range(8))])
    assert len({(look.colour, str(look.dash)) for look in found.values()}) == len(found)
    assert len({(look.colour, look.marker) for look in found.values()}) == len(found)
    for name in RECIPES:
        if name.endswith("-da"):
            twin = found[name.removesuffix("-da")]
            assert (found[name].colour, found[name].dash != twin.dash) == (twin.colour, True)


def test_figures_are_the_same_bytes_again_and_names_are_taken_as_they_are(tmp_path: Path) -> None:
    found = {"a$^$b <&>": Against(-1.0, -2.0, 0.5, [-1.5, -0.5])}
    for folder in ("one", "two"):
        with drawing():
            save(draw_differences(found, looks(list(found)), "mean", True), tmp_path / folder, "figure")
    for kind in ("png", "svg"):
        assert (tmp_path / f"one/figure.{kind}").read_bytes() == (tmp_path / f"two/figure.{kind}").read_bytes()
    text = (tmp_path / "one/figure.svg").read_text()
    assert "a$^$b &lt;&amp;&gt;" in text
    assert INK in text
