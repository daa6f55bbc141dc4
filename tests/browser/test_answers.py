"""What a visitor does while the stream of answers is ending is answered too."""

from __future__ import annotations

from playwright.sync_api import Page

from gblm_viz.words import words
from tests.browser.conftest import App
from tests.browser.test_walk import arrive, tab

LATE_END = """
const plain = window.fetch;
let join = () => {};
window.fetch = async (...request) => {
  const address = request[0].url || String(request[0]), reply = await plain(...request);
  if (address.includes("queue/join") && request[1]) {
    await reply.clone().text();
    setTimeout(join, 20);
  }
  if (!address.includes("queue/data")) return reply;
  const late = new TransformStream({ async transform(piece, out) {
    const ends = new TextDecoder().decode(piece).includes('"close_stream"');
    if (ends) await new Promise((resolve) => { join = resolve; setTimeout(resolve, 500); });
    out.enqueue(piece);
  } });
  return new Response(reply.body.pipeThrough(late), { headers: reply.headers });
};
"""
"""A browser that hears the end of a stream only after the reply to the event that follows."""


def test_a_click_is_answered_where_the_reply_to_it_overtakes_the_end_of_the_stream(page: Page, app: App) -> None:
    page.add_init_script(LATE_END)
    arrive(page, app, "en")
    for name in ("prune", "compare"):
        tab(page, words("en"), name)
