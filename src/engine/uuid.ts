import type { Random } from "../ports/random.ts";

let lastMs = 0;
let sequence = 0;
/** The parts of all ids of one millisecond: time, and chance. */
let head = "";
let tail = "";

/**
 * A UUIDv7 (RFC 9562 §5.7): 48 bits of wall-clock ms, a 12-bit counter so that ids of one process sort in the order they were
 * made, 62 random bits. These are drawn once a millisecond, since within one the counter keeps ids apart: putting together
 * hexadecimal digits for every id of a busy process would cost half as much as the call that it names.
 */
export function uuidv7(now: number, random: Random): string {
  if (now > lastMs) {
    begin(now, random);
    sequence = Math.floor(random() * 0x400);
  } else {
    sequence += 1;
    if (sequence > 0xfff) {
      begin(lastMs + 1, random);
      sequence = 0;
    }
  }
  return head + (0x7000 | sequence).toString(16) + tail;
}

function begin(ms: number, random: Random): void {
  lastMs = ms;
  const time = hex(ms, 12);
  head = `${time.slice(0, 8)}-${time.slice(8)}-`;
  tail = `-${hex(0x8000 | Math.floor(random() * 0x4000), 4)}-${hex(Math.floor(random() * 0x1000000), 6)}${hex(Math.floor(random() * 0x1000000), 6)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
