// Keeps the stream of answers that Gradio listens to open while an answer is to come.
//
// The server ends a stream once it has answered all that it was asked. An event that it takes just then is told to the browser before
// that end is: Gradio believes to be listening already, then closes the stream, and the answer is never heard. The visitor's click
// was lost. So the end is passed on only when nothing is to come; else the answers that follow are joined to the same stream.

const JOIN = /\/queue\/join(\?|$)/, DATA = /\/queue\/data(\?|$)/;
const END = '"msg":"close_stream"', OVER = '"msg":"process_completed"', EVENT = /"event_id":"([^"]+)"/;
const LET_GO = 1_000; // milliseconds: Gradio closes a stream that has ended at once

/** @typedef {typeof window.fetch} Fetch */

/**
 * Return what takes the place of the browser's fetch.
 * @param {Fetch} fetch
 * @returns {Fetch}
 */
export function makeFetch(fetch) {
  /** @type {Set<string>} events that were taken and are not over */
  const waiting = new Set();
  /** @type {Set<string>} events that were over before the browser was told their names */
  const early = new Set();
  /** @type {Promise<unknown>} until Gradio has closed the stream whose end it was told */
  let closing = Promise.resolve();

  /** @param {string} message */
  const note = (message) => {
    const event = message.includes(OVER) && EVENT.exec(message)?.[1];
    if (event && !waiting.delete(event)) early.add(event);
  };

  /** @type {Fetch} */
  const join = async (...request) => {
    const reply = await fetch(...request), event = reply.ok && (await reply.clone().json()).event_id;
    if (event && !early.delete(event)) waiting.add(event);
    await closing;
    return reply;
  };

  /** @type {Fetch} */
  const listen = async (...request) => {
    const first = await fetch(...request);
    if (!first.ok || !first.body) return first;
    let reader = readMessages(first.body), told = true;
    /** @param {ReadableStreamDefaultController<Uint8Array>} out */
    const pull = async (out) => {
      const { done, value } = await reader.read();
      if (done) return out.close();
      if (!value.includes(END)) {
        note(value);
        told = true;
      } else if (waiting.size && told) { // a stream on which nothing was told has nothing to come
        const next = await fetch(...request);
        if (next.ok && next.body) {
          reader = readMessages(next.body);
          told = false;
          return pull(out);
        }
      }
      if (value.includes(END)) {
        waiting.clear();
        closing = waitForAbort(request);
      }
      out.enqueue(new TextEncoder().encode(value));
    };
    const body = new ReadableStream({ pull, cancel: (reason) => reader.cancel(reason) }, { highWaterMark: 0 });
    return new Response(body, { status: first.status, headers: first.headers });
  };

  return (...request) => {
    const address = request[0] instanceof Request ? request[0].url : String(request[0]);
    return (JOIN.test(address) ? join : DATA.test(address) ? listen : fetch)(...request);
  };
}

/**
 * Return a reader of a stream's messages as they were sent, each with the empty line behind it.
 * @param {ReadableStream<Uint8Array>} body
 */
function readMessages(body) {
  let rest = "";
  const whole = new TransformStream({
    transform(/** @type {string} */ text, /** @type {TransformStreamDefaultController<string>} */ out) {
      const parts = (rest + text).split("\n\n");
      rest = parts.pop() || "";
      for (const part of parts) out.enqueue(part + "\n\n");
    },
    flush(out) { if (rest) out.enqueue(rest); },
  });
  return body.pipeThrough(/** @type {TransformStream<Uint8Array, string>} */ (new TextDecoderStream())).pipeThrough(whole).getReader();
}

/**
 * Wait until whoever asked lets go of what was asked for, but not for long.
 * @param {Parameters<Fetch>} request
 */
function waitForAbort([asked, options]) {
  const signal = options?.signal || (asked instanceof Request ? asked.signal : null);
  return new Promise((resolve) => {
    signal?.addEventListener("abort", resolve, { once: true });
    setTimeout(resolve, signal ? LET_GO : 0);
  });
}

export function start() {
  window.fetch = makeFetch(window.fetch.bind(window));
}
