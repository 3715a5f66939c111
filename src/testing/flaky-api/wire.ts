import type { ServerResponse } from "node:http";
import type { Answer } from "./answer.ts";
import type { EventStream } from "./event-stream.ts";
import type { Plan, PlanEnding } from "./plan.ts";
import type { Timers } from "./timers.ts";

/** Carries out a plan on a connection. */
export function carryOut(plan: Plan, response: ServerResponse, timers: Timers, date: string): void {
  const end = (): void => {
    plan.release?.();
    if (!response.destroyed) finish(plan.ending, response, timers, date);
  };
  if (plan.delayMs > 0) timers.after(plan.delayMs, end);
  else end();
}

function finish(ending: PlanEnding, response: ServerResponse, timers: Timers, date: string): void {
  switch (ending.type) {
    case "reset":
      return reset(response);
    case "hang":
      if (ending.forMs !== undefined) timers.after(ending.forMs, () => response.destroy());
      return;
    case "answer": {
      const { answer } = ending;
      if (answer.stream !== undefined) return sendEvents(answer, answer.stream, response, timers, date);
      sendHead(answer, response, date, Buffer.byteLength(answer.body));
      // As a text, so that head and body leave in one write: it is twice as fast as a buffer.
      response.end(answer.body);
      return;
    }
    case "cut": {
      const body = Buffer.from(ending.answer.body);
      // At least one byte more is promised than comes, whatever the script says.
      sendHead(ending.answer, response, date, Math.max(body.length, ending.bytes + 1));
      response.flushHeaders();
      response.write(body.subarray(0, ending.bytes));
      response.socket?.end();
      return;
    }
    case "dribble": {
      const body = Buffer.from(ending.answer.body);
      sendHead(ending.answer, response, date, body.length);
      const pieces = Array.from({ length: Math.ceil(body.length / ending.bytes) }, (_, index) =>
        body.subarray(index * ending.bytes, (index + 1) * ending.bytes),
      );
      return sendPieces(pieces, ending.everyMs, response, timers, () => response.end());
    }
  }
}

function sendHead(answer: Answer, response: ServerResponse, date: string, length?: number): void {
  const framing = length === undefined ? [] : ["content-length", String(length)];
  response.writeHead(answer.status, [...answer.headers, "date", date, ...framing]);
}

function sendEvents(answer: Answer, stream: EventStream, response: ServerResponse, timers: Timers, date: string): void {
  sendHead(answer, response, date);
  response.flushHeaders();
  sendPieces(stream.events, stream.everyMs, response, timers, () => {
    if (stream.end === "close") response.end();
    else if (stream.end === "reset") reset(response);
  });
}

/** Sends pieces one by one, the first at once; stops quietly when the client has gone. */
function sendPieces(
  pieces: readonly (string | Uint8Array)[],
  everyMs: number,
  response: ServerResponse,
  timers: Timers,
  done: () => void,
): void {
  const send = (index: number): void => {
    if (response.destroyed) return;
    const piece = pieces[index];
    if (piece === undefined) return done();
    response.write(piece, () => (everyMs > 0 ? timers.after(everyMs, () => send(index + 1)) : send(index + 1)));
  };
  send(0);
}

/** Ends the connection with RST, which the client sees as ECONNRESET. */
function reset(response: ServerResponse): void {
  if (response.socket === null) response.destroy();
  else response.socket.resetAndDestroy();
}
