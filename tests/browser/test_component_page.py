"""The explorer on the real page: transport, keys, cursor, panels, and a socket that outlives reruns, reloads and cuts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browsing import Complaints

Open = Callable[..., Page]

READY = "e => e.bptt.painted > 0 && e.bptt.control"


def ask(page: Page, what: str) -> Any:
    """A value of the explorer's own account of itself."""
    return page.locator(".explorer").evaluate(f"e => e.bptt.{what}")


def until(page: Page, condition: str, argument: object = None) -> None:
    """Wait until a condition on the explorer's element `e` holds."""
    explorer = page.locator(".explorer").element_handle(timeout=60_000)
    page.wait_for_function(f"([e, x]) => ({condition})(e, x)", arg=[explorer, argument], timeout=60_000)


def settle(page: Page) -> None:
    """Wait until no more pictures come: the last one of a run that pauses comes after the word."""
    before = -1
    while (painted := ask(page, "painted")) != before:
        before = painted
        page.wait_for_timeout(400)


@pytest.fixture
def live(page: Page) -> Page:
    """The first page, with a first picture."""
    until(page, READY)
    return page


def pixels(page: Page, panel: str) -> str:
    """The pixels of a panel's map."""
    return str(page.locator(f'[data-panel="{panel}"] canvas.map').evaluate("canvas => canvas.toDataURL()"))


def test_the_first_picture_stands_before_anybody_plays(live: Page) -> None:
    assert ask(live, "state") == "ready"
    assert ask(live, "iteration") == 0
    assert ask(live, "steps") == 10
    expect(live.locator(".inputs")).to_contain_text("fox")
    for panel in ("h", "dh", "lag"):
        assert len(pixels(live, panel)) > 200
    expect(live.locator('[data-panel="gate"]')).to_be_hidden()


def test_play_moves_everything_and_pause_freezes_it(live: Page) -> None:
    before = {panel: pixels(live, panel) for panel in ("h", "dh", "lag")}
    live.get_by_role("button", name="Play", exact=True).click()
    until(live, "e => e.bptt.iteration > 15")
    assert all(pixels(live, panel) != before[panel] for panel in before)
    expect(live.locator(".status .words")).to_contain_text("training · iteration")
    live.get_by_role("button", name="Pause", exact=True).click()
    until(live, "e => e.bptt.state === 'paused'")
    settle(live)
    frozen, at = {panel: pixels(live, panel) for panel in before}, ask(live, "iteration")
    live.wait_for_timeout(600)
    assert {panel: pixels(live, panel) for panel in before} == frozen
    assert ask(live, "iteration") == at
    expect(live.locator(".iteration b")).to_have_text(str(at))
    expect(live.locator(".proof")).to_contain_text("the books balance")


SHEET = "badge => [badge, ...badge.getRootNode().querySelectorAll('.proofbox dd')].map((part) => part.innerText)"
"""What the badge says, and every number of its sheet."""


def test_the_proof_tells_of_the_picture_on_screen_whenever_it_is_opened(live: Page) -> None:
    """Also where no picture comes while it is open, and where others came since it was open last."""
    badge, numbers = live.locator(".proof"), live.locator(".proofbox dd")
    for _ in range(2):
        badge.click()
        expect(numbers).to_have_count(3)
        said, *errors = badge.evaluate(SHEET)  # in one glance: the whole picture of a run at rest may still be on its way
        told = max(float(text.replace("\u2212", "-")) for text in errors)
        assert said.endswith(f"{told:.0e}".replace("e-0", "e-").replace("-", "\u2212"))
        badge.click()
        at = ask(live, "iteration")
        for count in range(1, 8):
            live.get_by_role("button", name="One iteration").click()
            until(live, f"e => e.bptt.iteration === {at + count}")


def test_keys_drive_the_run_but_not_while_typing(live: Page) -> None:
    live.keyboard.press("ArrowRight")
    until(live, "e => e.bptt.iteration === 1")
    live.keyboard.press(" ")
    until(live, "e => e.bptt.state === 'training' && e.bptt.iteration > 3")
    live.keyboard.press(" ")
    until(live, "e => e.bptt.state === 'paused'")
    text = live.locator("textarea").first
    text.click()
    at = ask(live, "iteration")
    live.keyboard.type("r ")
    live.keyboard.press("ArrowRight")
    live.wait_for_timeout(400)
    assert ask(live, "iteration") == at
    assert ask(live, "state") == "paused"


def test_r_restarts_the_run_and_streamlit_does_not_hear_it(live: Page) -> None:
    live.keyboard.press("ArrowRight")
    until(live, "e => e.bptt.iteration === 1")
    live.keyboard.press("r")
    until(live, "e => e.bptt.iteration === 0 && e.bptt.points === 0")
    assert ask(live, "opened") == 1


def test_arrows_move_the_cursor_where_the_pictures_have_the_focus(live: Page) -> None:
    live.locator(".stack").focus()
    live.keyboard.press("Home")
    live.keyboard.press("ArrowRight")
    live.keyboard.press("ArrowUp")
    assert ask(live, "cursor") == {"s": 9, "t": 2, "pinned": False}
    assert ask(live, "iteration") == 0
    expect(live.locator(".reading")).to_contain_text("reads The, predicts quick")
    live.keyboard.press("Enter")
    assert ask(live, "cursor")["pinned"]
    live.keyboard.press("Escape")
    assert not ask(live, "cursor")["pinned"]


def test_a_click_pins_the_cursor_in_the_lag_matrix_and_escape_lets_go(live: Page) -> None:
    plot = live.locator('[data-panel="lag"] .plot')
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    cell = (box["width"] / 10, box["height"] / 10)
    plot.click(position={"x": 2.5 * cell[0], "y": 6.5 * cell[1]})
    assert ask(live, "cursor") == {"s": 7, "t": 3, "pinned": True}
    plot.hover(position={"x": 8.5 * cell[0], "y": 8.5 * cell[1]})
    assert ask(live, "cursor") == {"s": 7, "t": 3, "pinned": True}
    expect(live.locator('[data-panel="cursor"] dd').nth(1)).to_have_text("3 · quick")
    live.keyboard.press("Escape")
    plot.hover(position={"x": 1.5 * cell[0], "y": 8.5 * cell[1]})
    assert ask(live, "cursor") == {"s": 9, "t": 2, "pinned": False}


def test_another_sentence_has_its_own_axis(live: Page) -> None:
    live.get_by_role("button", name="She sells").click()
    until(live, "e => e.bptt.steps === 7")
    expect(live.locator(".inputs")).to_contain_text("seashells")


def test_panels_are_shown_on_request_and_remembered(live: Page) -> None:
    live.locator(".menu summary").click()
    live.get_by_role("checkbox", name="Gates").check()
    live.get_by_role("checkbox", name="Shares of a gradient").check()
    until(live, "e => ['gate', 'share'].every((name) => e.bptt.arrays.includes(name))")
    live.locator('[data-panel="gate"] select').select_option("o")
    live.reload()
    until(live, READY)
    expect(live.locator('[data-panel="gate"]')).to_be_visible()
    until(live, "e => e.bptt.arrays.includes('gate')")
    expect(live.locator('[data-panel="gate"] select')).to_have_value("o")
    expect(live.locator('[data-panel="share"] .legend')).to_contain_text("norm of the gradient")


def test_a_reload_keeps_the_run(live: Page) -> None:
    for iteration in (1, 2, 3):
        live.keyboard.press("ArrowRight")
        until(live, "(e, n) => e.bptt.iteration === n", iteration)
    loss = ask(live, "loss")
    live.reload()
    until(live, "e => e.bptt.iteration === 3")
    assert ask(live, "loss") == loss
    assert ask(live, "control")


def test_reruns_of_the_page_keep_the_element_and_its_socket(live: Page) -> None:
    live.locator(".explorer").evaluate("e => { e.sameAsBefore = true; }")
    for _ in range(3):
        live.get_by_role("tab").last.click()
        live.get_by_role("tab").first.click()
    live.wait_for_timeout(500)
    assert live.locator(".explorer").evaluate("e => e.sameAsBefore === true")
    assert ask(live, "opened") == 1


def test_a_cut_connection_is_said_and_mended(open_page: Open, complaints: Complaints) -> None:
    page = open_page("/_stcore/health")
    sockets: list[WebSocketRoute] = []

    def through(route: WebSocketRoute) -> None:
        sockets.append(route)
        route.connect_to_server()

    page.route_web_socket(lambda url: "/live/" in url, through)
    page.goto("/")
    until(page, READY)
    sockets[-1].close()
    until(page, "e => e.dataset.socket === 'waiting'")
    expect(page.locator(".status .words")).to_contain_text("connection lost")
    until(page, "e => e.bptt.socket === 'open' && e.bptt.opened === 2")
    until(page, "e => !e.querySelector('.play').disabled")
    assert not complaints.words


def test_the_recording_can_be_looked_back_at(live: Page) -> None:
    for iteration in (1, 2, 3):
        live.keyboard.press("ArrowRight")
        until(live, "(e, n) => e.bptt.iteration === n", iteration)
    slider = live.locator(".replay input")
    expect(slider).to_be_visible()
    slider.focus()
    live.keyboard.press("ArrowLeft")
    expect(live.locator(".status .words")).to_contain_text("looking back · iteration 2")
    live.keyboard.press("ArrowRight")
    expect(live.locator(".status .words")).to_contain_text("paused · iteration 3")


@pytest.mark.parametrize("screen", ["phone", "projector", "dark"])
def test_nothing_is_wider_than_its_screen(open_page: Open, screen: str) -> None:
    page = open_page("/", screen)
    until(page, READY)
    page.wait_for_timeout(300)
    wide = page.locator(".explorer").evaluate("""e => {
        const right = e.getBoundingClientRect().right + 1;
        const inside = (x) => !x.closest('.stack, .choices, .sheet') && x.getClientRects().length;
        const sticksOut = (x) => inside(x) && x.getBoundingClientRect().right > right;
        return [...e.querySelectorAll('*')].filter(sticksOut).map((x) => x.className || x.tagName);
    }""")
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_browser_works_at_most_four_milliseconds_a_frame(live: Page) -> None:
    live.get_by_role("button", name="Play", exact=True).click()
    until(live, "e => e.bptt.painted > 60")
    times = sorted(ask(live, "drawTimes"))
    assert times[len(times) // 2] <= 4


def test_looking_back_shows_one_iteration_everywhere_and_ends_with_the_next(live: Page) -> None:
    live.get_by_role("button", name="Play", exact=True).click()
    until(live, "e => e.bptt.iteration > 30")
    live.get_by_role("button", name="Pause", exact=True).click()
    until(live, "e => e.bptt.state === 'paused'")
    norm, words, back = live.locator("[data-panel=norm] .value"), live.locator(".status .words"), live.locator(".replay output")
    settle(live)
    now = norm.inner_text()
    live.locator(".replay input").focus()
    for _ in range(10):
        live.keyboard.press("ArrowLeft")
    expect(words).to_contain_text("looking back")
    expect(back).to_have_text("10 pictures back")
    expect(norm).not_to_have_text(now)
    said, value = "e.querySelector('.status .words').textContent", "e.querySelector('[data-panel=norm] .value').textContent"
    until(live, f"e => {said}.includes(`gradient ${{{value}}}`)")
    live.wait_for_timeout(400)
    live.get_by_role("button", name="One iteration").click()
    expect(words).to_contain_text("paused")
    expect(back).to_have_text("now")


def test_the_space_bar_plays_from_the_slider_too(live: Page) -> None:
    for iteration in (1, 2, 3):
        live.get_by_role("button", name="One iteration").click()
        until(live, f"e => e.bptt.iteration === {iteration}")
    live.locator(".replay input").focus()
    live.keyboard.press("Space")
    until(live, "e => e.bptt.state === 'training'")


def test_a_cell_without_gates_says_so_and_waits_for_no_picture(open_page: Open) -> None:
    page = open_page("/?cell=rnn_tanh")
    until(page, READY)
    page.locator(".menu summary").click()
    page.locator(".menu .checks").get_by_label("Gates").check()
    expect(page.locator("[data-panel=gate]")).to_contain_text("A plain RNN has no gates.")
    expect(page.locator("[data-panel=gate] .body")).to_be_hidden()
