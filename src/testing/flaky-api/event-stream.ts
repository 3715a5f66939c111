import type { Readable, Scope } from "./expression.ts";
import { join, optional, readList, readObject, readOneOf, readText, refuse } from "../reading.ts";
import type { ReadTime } from "./script-time.ts";
import { compileJson, compileText } from "./template.ts";
import type { Template } from "./template.ts";

/** A stream of server-sent events, ready for the wire. */
export interface EventStream {
  readonly events: readonly string[];
  readonly everyMs: number;
  readonly end: "close" | "reset" | "hang";
}

export function compileStream(value: unknown, path: string, readable: Readable, time: ReadTime): (scope: Scope) => EventStream {
  const fields = readObject(value, path, ["events", "every", "end"]);
  const events = readList(fields["events"], join(path, "events")).map((event, index) =>
    compileEvent(event, `${path}.events[${index}]`, readable),
  );
  const everyMs = optional(fields["every"], join(path, "every"), time) ?? 0;
  const end = optional(fields["end"], join(path, "end"), (end, at) => readOneOf(end, at, ["close", "reset", "hang"] as const)) ?? "close";
  return (scope) => ({ events: events.map((write) => write(scope)), everyMs, end });
}

function compileEvent(value: unknown, path: string, readable: Readable): Template {
  if (typeof value === "string") return framed("", compileText(value, path, readable));
  const fields = readObject(value, path, ["event", "id", "data"]);
  const { event, id, data } = fields;
  const head =
    (event === undefined ? "" : `event: ${readText(event, join(path, "event"))}\n`) +
    (id === undefined ? "" : `id: ${readText(id, join(path, "id"))}\n`);
  if (data === undefined) return refuse(join(path, "data"), data, "an event needs data");
  const write =
    typeof data === "string" ? compileText(data, join(path, "data"), readable) : compileJson(data, join(path, "data"), readable);
  return framed(head, write);
}

/** Each line of the data stands behind a `data:` of its own, as the format wants it. */
function framed(head: string, data: Template): Template {
  return (scope) => `${head}data: ${data(scope).replaceAll("\n", "\ndata: ")}\n\n`;
}
