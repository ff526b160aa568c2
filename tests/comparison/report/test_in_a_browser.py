"""The report in headless Chromium: nothing breaks, nothing is fetched, everything works by mouse and by keyboard."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PHONE, DESK = {"width": 375, "height": 740}, {"width": 1280, "height": 900}


@dataclass
class Opened:
    """A page and what went wrong on it."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def sizes(self) -> tuple[int, int]:
        """Width of what is there, and of the window."""
        found: tuple[int, int] = tuple(self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]"))
        return found

    def colours(self) -> tuple[int, int]:
        """Brightness of the page and of its text, 0 … 765."""
        script = """() => {
          const style = getComputedStyle(document.body);
          return [style.backgroundColor, style.color].map((c) => c.match(/\\d+/g).slice(0, 3).map(Number));
        }"""
        page, text = self.page.evaluate(script)
        return sum(page), sum(text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if program is None:
        pytest.skip("no Chromium on this machine: install chromium or google-chrome to see the report tested in it")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(request: pytest.FixtureRequest, browser: Any, compared: Path) -> Iterator[Opened]:
    """The report at a size and with the system's colours; whatever the page complains about fails the test."""
    size, scheme = getattr(request, "param", (DESK, "light"))
    context = browser.new_context(viewport=size, color_scheme=scheme)
    found = Opened(context.new_page())
    found.page.on("console", lambda message: found.complaints.append(message.text))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    address = (compared / "report.html").as_uri()
    asked: list[str] = []
    found.page.on("request", lambda request: asked.append(request.url))
    found.page.goto(address)
    yield found
    assert found.complaints == []
    assert {url for url in asked if not url.startswith("data:")} == {address}
    context.close()


def column(page: Any, number: int) -> list[str]:
    texts: list[str] = page.locator(f"#table tbody tr > :nth-child({number})").all_inner_texts()
    return [text.split()[0] for text in texts]


def test_a_click_on_a_head_sorts_and_another_one_turns_the_order(opened: Opened) -> None:
    page = opened.page
    names = column(page, 1)
    head = page.locator("#table thead th.score")
    number = page.locator("#table thead th").evaluate_all("all => all.findIndex((e) => e.className === 'score')") + 1
    head.get_by_role("button").click()
    values = [float(text) for text in column(page, number)]
    assert values == sorted(values)
    assert head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").press("Enter")
    assert [float(text) for text in column(page, number)] == values[::-1]
    gap = page.get_by_role("button", name="gap closed")
    for _ in range(2):
        gap.click()
        assert column(page, number + 2)[-2:] == ["–", "–"], "what has no value stays last"
    assert head.get_attribute("aria-sort") is None
    page.locator("#table thead th").first.get_by_role("button").click()
    assert column(page, 1) == names, "the comparison's own order"


def test_the_slider_moves_by_mouse_and_by_keyboard(opened: Opened) -> None:
    page = opened.page
    slider, position = page.locator("#slider"), page.locator("#position")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()

    def at() -> float:
        return float(slider.evaluate("e => parseFloat(e.style.getPropertyValue('--at'))"))

    assert at() == 50
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.3)
    page.mouse.up()
    assert 75 <= at() <= 85
    position.focus()
    position.press("Home")
    assert at() == 0
    for _ in range(3):
        position.press("ArrowRight")
    assert at() == 3
    assert position.get_attribute("aria-valuetext") == "3 % baseline, the rest headfreeze-da"


def test_the_pictures_are_those_that_were_chosen(opened: Opened) -> None:
    page = opened.page

    def same(one: str, other: str) -> bool:
        return bool(page.locator(one).get_attribute("src") == page.locator(other).get_attribute("src"))

    assert same("#over", "#p-0-0")
    assert page.locator("#under").evaluate("e => e.naturalWidth") == 48
    page.locator("#left").select_option("oracle")
    page.locator("#right").select_option("truth")
    page.locator("#image").select_option("1")
    assert same("#over", "#p-1-2")
    assert same("#under", "#t-1")
    assert same("#reference-input", "#i-1")
    assert page.locator("#tag-left").inner_text() == "oracle"
    page.locator("#errors-shown").check()
    assert same("#over", "#e-1-2")
    assert same("#under", "#t-1"), "truth has no errors"


def test_errors_are_seen_on_hover_and_on_focus(opened: Opened) -> None:
    page = opened.page
    button, errors = page.locator(".flip").first, page.locator(".flip .errors").first
    visible = "e => getComputedStyle(e).opacity === '1'"
    assert not errors.evaluate(visible)
    button.hover()
    page.wait_for_function("getComputedStyle(document.querySelector('.flip .errors')).opacity === '1'")
    page.mouse.move(0, 0)
    page.wait_for_function("getComputedStyle(document.querySelector('.flip .errors')).opacity === '0'")
    button.focus()
    page.wait_for_function("getComputedStyle(document.querySelector('.flip .errors')).opacity === '1'")


@pytest.mark.parametrize("opened", [(DESK, "light"), (DESK, "dark")], indirect=True)
def test_light_and_dark_follow_the_system_until_one_chooses(opened: Opened) -> None:
    page = opened.page
    system_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    for dark in (system_dark, not system_dark):
        background, text = opened.colours()
        assert (background < 150 and text > 600) if dark else (background > 700 and text < 150)
        fill = page.locator("figure svg text").first.evaluate("e => getComputedStyle(e).fill")
        assert (sum(map(int, re.findall(r"\d+", fill)[:3])) > 600) is dark, "texts of figures go with the page"
        page.locator("#theme").click()
    page.locator("#theme").click()
    chosen = opened.colours()
    page.reload()
    assert opened.colours() == chosen, "the choice stays"


@pytest.mark.parametrize("opened", [(PHONE, "light"), (DESK, "light")], indirect=True)
def test_nothing_is_wider_than_the_window(opened: Opened) -> None:
    page, (there, window) = opened.page, opened.sizes()
    assert there <= window
    page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
    assert opened.sizes()[0] <= window
    smallest = page.locator("p, td, th, dd, dt, li, figcaption").evaluate_all(
        "all => Math.min(...all.filter((e) => e.offsetParent).map((e) => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 12


def test_a_number_leads_to_its_runs(opened: Opened) -> None:
    page = opened.page
    page.locator("#table tbody tr").nth(1).locator("td a").last.click()
    run = page.locator("#run-headfreeze-da-seed0")
    assert run.get_attribute("open") is not None
    assert page.locator("#run-oracle-seed0").get_attribute("open") is None
    assert "headfreeze fit headfreeze-da --source=" in run.inner_text()
    run.get_by_text("all settings").click()
    assert "batch_size: 2" in run.inner_text()
    assert page.evaluate("document.querySelectorAll('a, button, select, input').length") > 30
    assert page.locator("a, button, select, input").evaluate_all(
        "all => all.every((e) => e.getAttribute('aria-label') || e.textContent.trim() || (e.labels && e.labels.length))"
    ), "whatever can be used has a name"
