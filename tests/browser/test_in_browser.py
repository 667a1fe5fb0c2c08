"""report.html and `curate browse` in a real browser: Debian's Chromium, headless, without a network."""

import os
import re
import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from curate.models import labelled
from curate.models.train import Examples
from tests.end_to_end.conftest import curate, make_project
from tests.support.browse import browsing

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromium-driver (apt-get install)")

PLANTED = """<script>document.title = "planted"</script><img src=x onerror="document.title='planted'">
\u202e\u2066 turned around \x07 The council voted on Monday to keep the old bridge open for another year, it said.
مرحبا بالعالم هذا نص عربي
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = make_project(tmp_path_factory.mktemp("browser"))
    (folder / "data/raw/news/planted.txt").write_text(PLANTED + "line " * 200_000)
    curate("run", "configs/news.yaml", "--workers", "1", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def address(folder):
    curate("report", "configs/news.yaml", cwd=folder)
    return (folder / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, address):
    browser.get("about:blank")  # going to the same address again would be a reload, with what was typed before
    browser.get(address)
    settled(browser, lambda: browser.find_element(By.ID, "shown").text)  # the script is the last thing of the page
    yield browser
    assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []


def visible(page):
    """The pages that are shown, asked for at once."""
    return page.execute_script(
        "return [...document.querySelectorAll('#pages .page')].filter((one) => one.checkVisibility())"
    )


def choose(page, name, value):
    Select(page.find_element(By.NAME, name)).select_by_value(value)


def test_planted_markup_is_text(page):
    search = page.find_element(By.NAME, "search")
    search.send_keys("planted.txt")
    one = visible(page)[0]
    one.find_element(By.TAG_NAME, "summary").click()
    assert '<script>document.title = "planted"</script>' in one.text
    assert "more characters" in one.text
    assert page.title == "news: what the pipeline did"
    assert page.find_elements(By.CSS_SELECTOR, "#pages img, #pages script") == []
    arabic = next(line for line in one.find_elements(By.CLASS_NAME, "said") if "مرحبا" in line.text)
    assert page.execute_script("return getComputedStyle(arguments[0]).direction", arabic) == "rtl"


def test_filters_and_search(page):
    every = len(visible(page))
    choose(page, "stage", "language")
    fewer = visible(page)
    assert 0 < len(fewer) < every
    assert {one.get_attribute("data-stage") for one in fewer} == {"language"}
    assert page.find_element(By.ID, "shown").text == f"{len(fewer)} of {every} pages"
    fewer[0].find_element(By.TAG_NAME, "summary").click()
    assert re.search(r"dropped: language (not kept|doubtful)", fewer[0].text)


def test_keys_go_from_page_to_page(page):
    body = page.find_element(By.TAG_NAME, "body")
    body.send_keys("/")
    assert page.switch_to.active_element.get_attribute("name") == "search"
    page.switch_to.active_element.send_keys("bridge" + Keys.TAB)
    page.execute_script("document.activeElement.blur()")
    body.send_keys("j")
    assert visible(page)[0].get_attribute("open")
    page.switch_to.active_element.send_keys("j")
    assert [one.get_attribute("open") for one in visible(page)[:2]] == [None, "true"]


def luminance(color):
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


COLORS = """
const seen = new Map();
for (const one of document.querySelectorAll("body *")) {
  const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !one.checkVisibility()) continue;
  const style = getComputedStyle(one);
  let back = one;
  const clear = (node) => ["rgba(0, 0, 0, 0)", "transparent"].includes(getComputedStyle(node).backgroundColor);
  while (back.parentElement && clear(back)) back = back.parentElement;
  const ink = one.closest("svg") ? style.fill : style.color;
  seen.set(`${ink}|${getComputedStyle(back).backgroundColor}`, one.className.baseVal ?? (one.className || one.tagName));
}
return [...seen];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(page, scheme):
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page.execute_script("document.querySelectorAll('details').forEach((one) => one.open = true)")
    if shots := os.environ.get("CURATE_SCREENSHOTS"):
        page.save_screenshot(f"{shots}/report-{scheme}.png")
    legible(page)


def legible(page):
    colors = page.execute_script(COLORS)
    assert len(colors) > 5
    for pair, where in colors:
        dark, light = sorted(map(luminance, pair.split("|")))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (where, pair)


def test_it_reads_without_colour_and_aloud(page):
    for chart in page.find_elements(By.CSS_SELECTOR, "svg.chart"):
        assert chart.get_attribute("role") == "img" and len(chart.get_attribute("aria-label")) > 20
        assert chart.find_element(By.XPATH, "..").find_elements(By.CSS_SELECTOR, "table tr")
    line = page.find_element(By.CSS_SELECTOR, ".lines .keep")
    assert line.find_element(By.CLASS_NAME, "mark").get_attribute("textContent") == "+"
    assert line.find_element(By.CLASS_NAME, "unseen").get_attribute("textContent") == "kept: "
    assert line.get_attribute("title").startswith("kept, score ")


@pytest.fixture(scope="module")
def port(folder):
    with browsing(folder) as port:
        yield port


@pytest.fixture
def browsed(browser, port):
    """The planted page, as `curate browse` shows it."""
    browser.get(f"http://127.0.0.1:{port}/?text=keep+the+old+bridge+open+for+another+year")
    settled(browser, lambda: browser.find_elements(By.CSS_SELECTOR, ".lines li.chosen"))
    yield browser
    settled(browser, lambda: "corrected" in browser.find_element(By.ID, "count").text)
    assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []


def settled(browser, condition):
    return WebDriverWait(browser, 20).until(lambda _: condition())


def press(browser, *keys):
    browser.find_element(By.ID, "document").send_keys(*keys)


def test_a_key_press_is_a_label_that_training_reads(browsed, folder):
    assert '<script>document.title = "planted"</script>' in browsed.find_element(By.ID, "document").text
    assert browsed.title == "news: pages"
    assert browsed.find_elements(By.CSS_SELECTOR, "main img, main script") == []
    lines = browsed.find_elements(By.CSS_SELECTOR, ".lines li")
    press(browsed, Keys.ARROW_DOWN, "1", Keys.SHIFT, Keys.ARROW_DOWN, Keys.NULL, "t")
    settled(browsed, lambda: browsed.find_element(By.ID, "count").text == "1 corrected")
    assert [line.find_element(By.CLASS_NAME, "mark").text for line in lines[1:3]] == ["T", "T"]
    press(browsed, "1")
    settled(browsed, lambda: browsed.find_element(By.ID, "count").text == "1 corrected")
    assert re.search(r"Line 3 of 4 · score", browsed.find_element(By.ID, "why").text)
    (page,) = labelled.read(str(folder / "data/labels/news.jsonl"))
    assert [label for _, label in page.lines if label != "_"][1:3] == ["1", "1"]
    assert set(Examples.of([page]).letters) <= set("01t?")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_browse(browsed, scheme):
    browsed.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    press(browsed, "?", Keys.ARROW_DOWN, "1", Keys.ARROW_DOWN, "t")
    settled(browsed, lambda: len(browsed.find_elements(By.CSS_SELECTOR, ".lines .changed")) > 1)
    legible(browsed)
