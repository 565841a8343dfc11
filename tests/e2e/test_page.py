"""The chat page in a real browser: send, stream, stop, safe Markdown, themes and languages."""
import json
import os
import re
import shutil

import pytest

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("ATELIER_CHROMIUM") or shutil.which("chromium")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as runner:
        chromium = runner.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, server):
    context = browser.new_context(locale="en-US", viewport={"width": 1100, "height": 760})
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    page.goto(server.url + "/")
    playwright.expect(page.locator("#model")).not_to_be_empty()
    yield page
    context.close()


def ask(page, text):
    page.locator("#input").fill(text)
    page.locator("#send").click()


def answers(page):
    return page.locator(".turn.assistant")


def test_answer_streams_and_ends(page):
    ask(page, "Write a story about the sea, one hundred words long.")
    body = answers(page).last.locator(".body")
    lengths = set()
    page.wait_for_selector(".turn.assistant.busy")
    while page.locator(".turn.assistant.busy").count():
        lengths.add(len(body.inner_text()))
        page.wait_for_timeout(15)
    whole = len(body.inner_text())
    assert whole > 0
    assert any(0 < length < whole for length in lengths), "the text did not grow while it streamed"
    assert re.search(r"\d+ tokens · [\d.]+ tok/s · first after [\d.]+ s", answers(page).last.locator("footer").inner_text())
    assert page.problems == []


def test_second_turn_knows_the_first(page, server):
    ask(page, "Say hello.")
    page.wait_for_selector(".retry", timeout=60000)
    with page.expect_request("**/v1/chat/completions") as sent:
        ask(page, "And now goodbye.")
    roles = [message["role"] for message in sent.value.post_data_json["messages"]]
    assert roles == ["user", "assistant", "user"]
    playwright.expect(page.locator(".retry")).to_have_count(1, timeout=60000)


def test_stop_ends_the_answer_and_frees_its_place(page, server):
    ask(page, "Write a very long story about the sea, at least two thousand words.")
    playwright.expect(answers(page).last.locator(".body")).to_contain_text(re.compile(r"\S.{40}", re.S))
    page.locator("#stop").click()
    playwright.expect(page.locator("#send")).to_be_visible()
    assert "stopped" in answers(page).last.locator("footer").inner_text()
    assert answers(page).last.locator(".body").inner_text().strip()
    server.wait_idle()


def test_markdown_is_safe(page):
    hostile = ("<img src=x onerror=window.broken=1> <script>window.broken=1</script> "
               "[link](javascript:window.broken=1) <svg onload=window.broken=1> **bold**")
    page.route("**/v1/chat/completions", lambda route: route.fulfill(
        content_type="text/event-stream",
        body='data: {"choices":[{"delta":{"content":%s}}]}\n\ndata: [DONE]\n\n' % json.dumps(hostile)))
    ask(page, "anything")
    page.wait_for_selector(".retry", timeout=60000)
    body = answers(page).last.locator(".body")
    assert body.locator("strong").inner_text() == "bold"
    assert body.locator("img, script, svg").count() == 0
    assert body.locator("a[href^='javascript']").count() == 0
    assert page.evaluate("window.broken") is None


def test_languages_and_themes(page):
    assert page.locator("#send").inner_text() == "Send"
    page.locator("#language").click()
    assert page.locator("#send").inner_text() == "发送"
    page.locator("#theme").click()
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    assert page.locator("#send").inner_text() == "发送"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_an_error_is_shown(page):
    page.locator("#settings-toggle").click()
    page.locator("#system").fill("word " * 60000)
    ask(page, "hello")
    playwright.expect(page.locator(".turn.failed .body")).to_contain_text("context length", timeout=20000)


def test_the_page_asks_for_the_key(browser, start_server):
    server = start_server("--api-key", "open-sesame", key="open-sesame")
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(server.url + "/")
    playwright.expect(page.locator("#key-form")).to_be_visible()
    playwright.expect(page.locator("#key-note")).to_contain_text("needs a key")
    page.locator("#key").fill("wrong")
    page.locator("#key-save").click()
    playwright.expect(page.locator("#key-note")).to_contain_text("does not know")
    page.locator("#key").fill("open-sesame")
    page.locator("#key-save").click()
    playwright.expect(page.locator("#key-form")).to_be_hidden()
    playwright.expect(page.locator("#model")).to_have_text(server.model)
    ask(page, "Say hello.")
    page.wait_for_selector(".retry", timeout=60000)
    assert answers(page).last.locator(".body").inner_text().strip()
    page.reload()  # the browser has kept it
    playwright.expect(page.locator("#model")).to_have_text(server.model)
    playwright.expect(page.locator("#key-form")).to_be_hidden()
    context.close()


def test_the_page_works_under_a_path(browser, start_server):
    server = start_server("--root-path", "/llm")
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(server.url + "/llm/")
    playwright.expect(page.locator("#model")).to_have_text(server.model)
    context.close()
