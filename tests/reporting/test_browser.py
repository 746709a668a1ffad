"""The page in a real browser, wide and narrow, light and dark. CHROMIUM=FILE names one; SCREENSHOTS=DIR keeps pictures.
"""

import os
from pathlib import Path

import pytest

from frcnn_keras.reporting.report import write_report
from tests.reporting.browser import SEARCHED, find_browser, look
from tests.reporting.evaluated_run import write_images, write_run, write_training
from tests.reporting.pictures_by_hand import drawn_at_random

BROWSER = find_browser()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason=f"no Chromium here (looked for {SEARCHED})")]

FACTS = """
const style = inner.getComputedStyle(doc.body);
return {ground: style.backgroundColor, ink: style.color, title: doc.title,
        wide: doc.documentElement.scrollWidth, seen: inner.innerWidth,
        broken: [...doc.querySelectorAll("svg")].filter((one) => one.getBoundingClientRect().width < 1).length,
        asked: inner.performance.getEntriesByType("resource").map((one) => one.name.slice(0, 60))};"""

CLICKS = """
const table = doc.querySelector("#classes table");
const head = [...table.tHead.rows[0].cells].find((cell) => cell.textContent === "AP50");
const column = head.cellIndex;
const values = () => [...table.tBodies[0].rows].map((row) => Number(row.cells[column].dataset.value));
const before = values();
head.querySelector("button").click();
const falling = values(), first = head.getAttribute("aria-sort");
head.querySelector("button").click();
const rising = values(), second = head.getAttribute("aria-sort");
const figures = () => [...doc.querySelectorAll("#pictures figure")].filter((one) => !one.hidden).length;
const all = figures(), choice = doc.querySelector("#pictures select");
choice.value = "=b";
choice.dispatchEvent(new inner.Event("change"));
const some = figures();
choice.value = "";
choice.dispatchEvent(new inner.Event("change"));
return {before, falling, rising, first, second, all, some, again: figures()};"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder, drawn = tmp_path_factory.mktemp("page"), drawn_at_random(1)
    run = write_run(folder / "run", drawn)
    write_training(run)
    return write_report(run, images=write_images(folder / "images", drawn))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_seen_whole_without_asking_any_host(page, tmp_path, width, dark):
    kept = os.environ.get("SCREENSHOTS")
    picture = Path(kept) / f"report_{width}_{'dark' if dark else 'light'}.png" if kept else None
    told, console = look(BROWSER, page, FACTS, tmp_path, width, 3000 if kept else 900, dark, picture)
    assert not console and told["title"].endswith(": report") and told["seen"] == width
    assert told["wide"] <= width and not told["broken"]
    assert all(name.startswith("data:") for name in told["asked"])
    light = sum(map(int, told["ground"].removeprefix("rgb(").removesuffix(")").split(","))) / 3
    assert light < 60 if dark else light > 200


def test_tables_sort_and_pictures_are_chosen_by_class(page, tmp_path):
    told, console = look(BROWSER, page, CLICKS, tmp_path)
    assert not console and told["falling"] == sorted(told["before"], reverse=True)
    assert told["rising"] == sorted(told["before"]) and (told["first"], told["second"]) == ("descending", "ascending")
    assert 0 < told["some"] < told["all"] == told["again"]
