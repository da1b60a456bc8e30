"""The laboratory's addresses: on the way from page to page the experiment comes along, and Back needs one press for each page."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.explorer import Explorer
from tests.browser.laboratory import PATIENCE, Laboratory

PATIENTLY = 1000 * PATIENCE


@pytest.mark.slow
def test_the_experiment_comes_along_and_back_leads_to_the_page_before(open_page: Callable[..., Page]):
    page = open_page("/?h=8")
    Explorer(page)
    entries = page.evaluate("history.length")

    headings = {"/clipping": "Clipping", "/estimators": "Estimators"}

    def stands(path: str, hidden: int) -> None:
        expect(page).to_have_url(f"{origin}{path}?h={hidden}", timeout=PATIENTLY)
        if path != "/":
            expect(page.locator("h1.lab")).to_contain_text(headings[path], timeout=PATIENTLY)
            expect(page.locator(".stMain .subject")).to_contain_text(f" {hidden} hidden units", timeout=PATIENTLY)

    origin = page.evaluate("location.origin")
    for more, (title, path) in enumerate((("Clipping", "/clipping"), ("Estimators", "/estimators")), 1):
        page.get_by_role("link", name=title).click()
        stands(path, 8)
        assert page.evaluate("history.length") == entries + more
    page.go_back()
    stands("/clipping", 8)
    page.reload()
    stands("/clipping", 8)
    page.locator(".st-key-more-Model summary").click()
    field = page.locator("[class*='st-key-field-hidden-'] input")
    field.fill("9")
    field.press("Enter")
    stands("/clipping", 9)
    page.go_back()
    stands("/", 8)
    assert page.evaluate("history.length") == entries + 2


def test_a_way_back_that_is_overtaken_is_made_again(open_page: Callable[..., Page]):
    """A late run of the page that was left writes its path once more, as it is written here."""
    page = open_page("/?h=8")
    Explorer(page)
    for title in ("Clipping", "Estimators"):
        page.get_by_role("link", name=title).click()
        expect(page.locator("h1.lab")).to_contain_text(title, timeout=PATIENTLY)
        Laboratory(page)
    page.evaluate("""
        const late = () => {
            if (location.pathname !== '/estimators') history.pushState({}, '', '/estimators?h=8');
            window.overtaken = true;
        };
        window.addEventListener('popstate', () => setTimeout(late, 200), { once: true });
        history.back();
    """)
    page.wait_for_function("window.overtaken")
    expect(page).to_have_url(f"{page.evaluate('location.origin')}/clipping?h=8", timeout=PATIENTLY)
    expect(page.locator("h1.lab")).to_contain_text("Clipping", timeout=PATIENTLY)


def test_a_reload_keeps_the_run(open_page: Callable[..., Page]):
    """With all that it has learned, on this page and on the live page after it."""
    explorer = Explorer(open_page("/?h=8"))
    page = explorer.page
    for _ in range(3):
        explorer.step()
    subject = page.locator(".stMain .subject")
    page.get_by_role("link", name="Clipping").click()
    expect(subject).to_contain_text("after 3 iterations", timeout=PATIENTLY)
    for _ in range(2):
        page.reload()
        expect(subject).to_contain_text("after 3 iterations", timeout=PATIENTLY)
        Laboratory(page)
    page.get_by_role("link", name="Explore").click()
    explorer = Explorer(page)
    explorer.wait(lambda: explorer.iteration == 3, "the same run")


def test_a_reload_before_the_address_is_written_keeps_the_run(open_page: Callable[..., Page]):
    """Streamlit shows a page before the address bar has its path and settings."""
    explorer = Explorer(open_page("/?h=8"))
    page = explorer.page
    explorer.step()
    page.get_by_role("link", name="Clipping").click()
    Laboratory(page)
    page.evaluate("history.replaceState(history.state, '', '/clipping')")
    page.reload()
    expect(page.locator(".stMain .subject")).to_contain_text(" 8 hidden units, 1 layer, after 1 iteration", timeout=PATIENTLY)
    expect(page).to_have_url(f"{page.evaluate('location.origin')}/clipping?h=8", timeout=PATIENTLY)


def test_a_reload_while_the_address_is_written_keeps_the_run(open_page: Callable[..., Page]):
    """What is asked of the server is the address as it was; the page leaves with the one that it has become meanwhile."""
    explorer = Explorer(open_page("/?h=8"))
    page = explorer.page
    explorer.step()
    page.get_by_role("link", name="Clipping").click()
    Laboratory(page)

    def slowly(route: Route) -> None:
        time.sleep(0.5)
        route.continue_()

    page.route("**/clipping", slowly)
    page.evaluate("""
        history.replaceState(history.state, '', '/clipping');
        setTimeout(() => history.replaceState(history.state, '', '/clipping?h=8'), 200);
    """)
    page.reload()
    expect(page.locator(".stMain .subject")).to_contain_text(" 8 hidden units, 1 layer, after 1 iteration", timeout=PATIENTLY)


def test_an_address_that_was_changed_by_hand_means_another_run(open_page: Callable[..., Page]):
    explorer = Explorer(open_page("/?h=8"))
    page = explorer.page
    explorer.step()
    page.get_by_role("link", name="Clipping").click()
    subject = page.locator(".stMain .subject")
    expect(subject).to_contain_text("after 1 iteration", timeout=PATIENTLY)
    page.goto("/clipping?h=9")
    expect(subject).to_contain_text(" 9 hidden units", timeout=PATIENTLY)
    expect(subject).not_to_contain_text("after 1 iteration")


def test_the_first_figure_comes_first(open_page: Callable[..., Page]):
    """The form, the other figures and what stands further down come when it stands: a browser builds all before it draws."""
    fields = "document.querySelectorAll('.stSidebar label').length"
    stands = f"() => document.querySelector('.stMain .js-plotly-plot .main-svg') && {{ fields: {fields} }}"
    for name in ("clipping", "truncation", "vanishing", "estimators"):
        page = open_page(f"/{name}?h=8&seed=3")
        assert page.wait_for_function(stands, polling="raf", timeout=PATIENTLY).json_value() == {"fields": 0}
        Laboratory(page)
        assert page.evaluate(fields) > 0


def test_a_page_without_a_figure_is_whole_all_the_same(open_page: Callable[..., Page]):
    page = open_page("/estimators?model=transformer")
    expect(page.locator(".stMain .problem[role=alert]")).to_contain_text("choose the recurrent model", timeout=PATIENTLY)
    expect(page.locator(".st-key-more-Model")).to_be_visible(timeout=PATIENTLY)
