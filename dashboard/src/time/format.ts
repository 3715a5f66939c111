/** Spans and instants as people read them. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `840 ms`, `1.9 s`, `3 m 20 s`, `2 h 5 m`, `4 d`. */
export function span(ms: number): string {
  const length = Math.max(0, ms);
  if (length < 1) return length === 0 ? "0 ms" : "<1 ms";
  if (length < SECOND) return `${Math.round(length)} ms`;
  if (length < 10 * SECOND) return `${(length / SECOND).toFixed(1).replace(/\.0$/, "")} s`;
  if (length < MINUTE) return `${Math.round(length / SECOND)} s`;
  if (length < HOUR) return two(length, MINUTE, "m", SECOND, "s");
  if (length < DAY) return two(length, HOUR, "h", MINUTE, "m");
  return two(length, DAY, "d", HOUR, "h");
}

function two(ms: number, big: number, bigName: string, small: number, smallName: string): string {
  const rounded = Math.round(ms / small) * small;
  const rest = Math.round((rounded % big) / small);
  return rest === 0 ? `${Math.floor(rounded / big)} ${bigName}` : `${Math.floor(rounded / big)} ${bigName} ${rest} ${smallName}`;
}

/** `12 s ago`, `in 4 m`, `now`. In whole steps, so that it does not jitter. */
export function away(at: number, now: number): string {
  const distance = now - at;
  if (Math.abs(distance) < SECOND) return "now";
  return distance > 0 ? `${coarse(distance)} ago` : `in ${coarse(-distance)}`;
}

function coarse(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} m`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

const DATE_TIME = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

const MINUTE_OF_DAY = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });

export function instant(at: number): string {
  return DATE_TIME.format(at);
}

export function timeOfDay(at: number): string {
  return TIME.format(at);
}

export function minuteOfDay(at: number): string {
  return MINUTE_OF_DAY.format(at);
}
