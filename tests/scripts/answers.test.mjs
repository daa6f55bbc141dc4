// No answer is lost where an event is taken just as its page's stream of answers ends.

import assert from "node:assert/strict";
import test from "node:test";

import { makeFetch } from "../../gblm_viz/ui/components/answers.js";

const END = { msg: "close_stream" };
const over = (event) => ({ msg: "process_completed", event_id: event });
const written = (message) => `data: ${JSON.stringify(message)}\n\n`;

/** A server that takes events at once, and whose streams say what they are told to. */
function makeServer() {
  const streams = [];
  const fetch = async (input, options) => {
    const address = input instanceof Request ? input.url : input;
    if (address.includes("queue/join")) return Response.json({ event_id: options.body });
    if (!address.includes("queue/data")) return new Response("else");
    let out;
    const body = new ReadableStream({ start(controller) { out = controller; } });
    const stream = { say: (...messages) => out.enqueue(new TextEncoder().encode(messages.map(written).join(""))), end: () => out.close() };
    streams.push(stream);
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  return { streams, fetch: makeFetch(fetch) };
}

const join = (server, event) => server.fetch("http://x/gradio_api/queue/join?", { method: "POST", body: event });

/** What Gradio hears, and lets go of once it is told that the stream has ended. */
async function listen(server) {
  const control = new AbortController(), heard = [];
  const reply = await server.fetch(new Request("http://x/gradio_api/queue/data?session_hash=a", { signal: control.signal }));
  const reader = reply.body.getReader();
  const ended = (async () => {
    for (let got = await reader.read(); !got.done; got = await reader.read()) {
      heard.push(JSON.parse(new TextDecoder().decode(got.value).slice(6)));
      if (heard.at(-1).msg === "close_stream") return control.abort();
    }
  })();
  return { heard, ended, reply };
}

const pause = (milliseconds = 20) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("a stream ends where nothing is to come, its messages whole and in order", async () => {
  const server = makeServer();
  await join(server, "one");
  const { heard, ended, reply } = await listen(server);
  server.streams[0].say({ msg: "estimation", event_id: "one" }, over("one"), END);
  await ended;
  assert.deepEqual(heard, [{ msg: "estimation", event_id: "one" }, over("one"), END]);
  assert.equal(reply.headers.get("content-type"), "text/event-stream");
  assert.equal(server.streams.length, 1);
});

test("an event that was taken before the end was heard is answered on the same stream", async () => {
  const server = makeServer();
  await join(server, "one");
  const { heard, ended } = await listen(server);
  server.streams[0].say(over("one"));
  await pause();
  await join(server, "two"); // Gradio opens no stream for it: this one is open
  server.streams[0].say(END);
  await pause();
  assert.deepEqual(heard, [over("one")]);
  server.streams[1].say(over("two"), END);
  await ended;
  assert.deepEqual(heard, [over("one"), over("two"), END]);
});

test("a reply waits until the stream that has ended is closed", async () => {
  const server = makeServer(), control = new AbortController();
  await join(server, "one");
  const reply = await server.fetch("http://x/queue/data", { signal: control.signal }), reader = reply.body.getReader();
  server.streams[0].say(over("one"), END);
  await reader.read();
  await reader.read();
  let told = false;
  const joined = join(server, "two").then(() => { told = true; });
  await pause();
  assert.equal(told, false);
  control.abort();
  await joined;
  assert.equal(told, true);
});

test("an event that was over before its name was told keeps no stream open, nor does one that is never answered", async () => {
  const server = makeServer();
  await join(server, "one");
  const { heard, ended } = await listen(server);
  server.streams[0].say(over("two"));
  await pause();
  await join(server, "two");
  await join(server, "cancelled");
  server.streams[0].say(over("one"), END);
  await pause();
  server.streams[1].say(END); // of "cancelled" the server knows nothing more
  await ended;
  assert.deepEqual(heard, [over("two"), over("one"), END]);
  assert.equal(server.streams.length, 2);
});

test("everything else is passed on", async () => {
  assert.equal(await (await makeServer().fetch("http://x/config")).text(), "else");
});
