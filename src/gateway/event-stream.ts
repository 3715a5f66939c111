import type { Clock, TimerHandle } from "../ports/clock.ts";

/** Messages that wait for a client that reads slowly; what comes on top is dropped and counted. */
const MOST_WAITING = 256;
const HEARTBEAT_MS = 15_000;

/** One client's stream of server-sent events (HTML §9.2). It has its own bounded queue, so that a client that sleeps holds nothing up. */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #clock: Clock;
  readonly #ended: () => void;
  readonly #waiting: string[] = [];
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined = undefined;
  #dropped = 0;
  #heartbeat: TimerHandle | undefined = undefined;
  #open = true;

  /** `ended` is told once, when either side ends it. */
  constructor(clock: Clock, ended: () => void) {
    this.#clock = clock;
    this.#ended = ended;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#flush(),
        cancel: () => this.#end(),
      },
      { highWaterMark: 8 },
    );
    // At once, so that whoever listens knows that the stream stands.
    this.#put(": listening\n\n");
    this.#beatLater();
  }

  send(name: string, data: unknown, id: string): void {
    this.#put(`event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  close(): void {
    if (!this.#open) return;
    this.#end();
    try {
      this.#controller?.close();
    } catch {
      // The other side was faster.
    }
  }

  #put(text: string): void {
    if (!this.#open) return;
    if (this.#waiting.length >= MOST_WAITING) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(text);
    this.#flush();
  }

  #flush(): void {
    const controller = this.#controller;
    if (controller === undefined) return;
    while (this.#open && (controller.desiredSize ?? 0) > 0) {
      const next = this.#waiting.shift() ?? this.#gap();
      if (next === undefined) return;
      controller.enqueue(this.#encoder.encode(next));
    }
  }

  /** What was dropped is told when there is room again, so that a client knows to read anew what it shows. */
  #gap(): string | undefined {
    if (this.#dropped === 0) return undefined;
    const dropped = this.#dropped;
    this.#dropped = 0;
    return `event: dropped\ndata: ${JSON.stringify({ dropped })}\n\n`;
  }

  #beatLater(): void {
    this.#heartbeat = this.#clock.setTimer(() => {
      if (this.#waiting.length === 0) this.#put(": heartbeat\n\n");
      this.#beatLater();
    }, HEARTBEAT_MS);
    this.#clock.hold?.(this.#heartbeat, false);
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#heartbeat !== undefined) this.#clock.clearTimer(this.#heartbeat);
    this.#waiting.length = 0;
    this.#ended();
  }
}
