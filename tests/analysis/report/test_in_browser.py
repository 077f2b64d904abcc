"""The page as a reader opens it: from the file system, on a desk and on a phone."""

from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests import chromium

browser = chromium.browser


@pytest.fixture
def opened(browser, page, tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text(page)
    browser.get(path.as_uri())
    return browser


def column(browser, table, index: int) -> list[float | None]:
    """The numbers of a table's column as they stand, None where there is none."""
    cells = "return [...arguments[0].tBodies[0].rows].map((row) => row.cells[arguments[1]].dataset.value ?? null)"
    return [None if value is None else float(value) for value in browser.execute_script(cells, table, index)]


@pytest.mark.timeout(300)
def test_it_opens_without_errors_sorts_and_holds_the_figures(opened, parts):
    assert opened.get_log("browser") == []
    widths = opened.execute_script("return [...document.images].map((image) => image.naturalWidth)")
    assert len(widths) == len({Path(name).stem for name in parts["figures"]}) and all(width > 400 for width in widths)

    table = next(each for each in opened.find_elements(By.CSS_SELECTOR, "#paper table") if "Table 5" in each.text)
    before = column(opened, table, 1)
    button = table.find_elements(By.CSS_SELECTOR, "thead button")[1]
    opened.execute_script("arguments[0].scrollIntoView()", button)
    numbers = sorted(value for value in before if value is not None)
    missing = [None] * before.count(None)
    assert before != numbers + missing and missing, "the paper's order is another, and it leaves cells empty"
    button.click()
    assert column(opened, table, 1) == numbers + missing
    button.send_keys(Keys.ENTER)
    assert column(opened, table, 1) == numbers[::-1] + missing, "by keyboard, the other way round"
    assert opened.get_log("browser") == []


@pytest.mark.timeout(300)
def test_a_square_leads_to_its_cell_and_a_number_to_its_open_record(opened):
    square = opened.find_element(By.CSS_SELECTOR, ".grid a.other-conditions")
    opened.execute_script("arguments[0].focus()", square)
    assert "measured 40.0" in opened.find_element(By.ID, "readout").text
    square.send_keys(Keys.ENTER)
    cell = opened.find_element(By.CSS_SELECTOR, "td:target")
    assert "−31.3 pt" in cell.text
    opened.execute_script("location.hash = 'results/runs/streets/crops/quick/d/1/scores.json'")
    record = opened.find_element(By.CSS_SELECTOR, "details:target")
    opened.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert record.get_attribute("open") and "128x256" not in record.text and "0123" in record.text


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_page_does_not_scroll_sideways(opened, scheme):
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    feature = {"name": "prefers-color-scheme", "value": scheme}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    opened.execute_script("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    assert opened.execute_script("return document.documentElement.scrollWidth") == 390
    tables = "return [...document.querySelectorAll('#paper .scroll, #open .scroll')]"
    wide = opened.execute_script(f"{tables}.map((each) => each.scrollWidth > each.clientWidth)")
    assert wide and not any(wide), "a row's verdict is seen without scrolling its table sideways"
    look = (
        "return [document.body, document.querySelector('.card')].map((each) => getComputedStyle(each).backgroundColor)"
    )
    page, card = opened.execute_script(look)
    assert card == "rgb(255, 255, 255)", "figures are drawn for white paper"
    assert (sum(map(int, page[4:-1].split(","))) < 150) == (scheme == "dark")
