import { createParser } from "eventsource-parser";
import { ApiError, send } from "../api/client.ts";
import { sessionHeader } from "../api/session-keep.ts";

/** One event of the engine, as the gateway tells it. What it holds beside its instant depends on its name. */
export interface LiveEvent {
  readonly name: string;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface LiveListener {
  readonly heard: (event: LiveEvent) => void;
  /** The stream stands, or stands again: what happened meanwhile was not heard. */
  readonly opened: () => void;
  /** We read too slowly, and so many events were left out. */
  readonly dropped: (count: number) => void;
  readonly closed: () => void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** The gateway's heartbeat comes every 15 s; a stream that is silent for three of them is dead. */
const SILENCE_MS = 45_000;

/**
 * Listens to the gateway's events until the signal aborts, and connects again whenever the stream ends. Not an EventSource, because that
 * cannot send the session of plain http.
 */
export async function listen(listener: LiveListener, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      await readStream(listener, signal, () => (failures = 0));
    } catch (error) {
      if (signal.aborted) return;
      listener.closed();
      // Who is not signed in is asked to; the page begins anew then.
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return;
    }
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
    await pause(longest / 2 + (Math.random() * longest) / 2, signal);
  }
}

async function readStream(listener: LiveListener, signal: AbortSignal, opened: () => void): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await send("/v1/events", { headers: sessionHeader(), signal: AbortSignal.any([signal, silence.signal]) });
    if (!response.ok || response.body === null) throw new ApiError(response.status, {});
    opened();
    listener.opened();
    const parser = createParser({
      onEvent: ({ event = "message", data }) => {
        const told = JSON.parse(data) as Readonly<Record<string, unknown>>;
        if (event === "dropped") listener.dropped(Number(told["dropped"]));
        else listener.heard({ name: event, at: Number(told["at"]), data: told });
      },
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      parser.feed(value);
    }
    listener.closed();
  } finally {
    clearTimeout(timer);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
