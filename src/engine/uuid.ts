import type { Random } from "../ports/random.ts";

let lastMs = 0;
let sequence = 0;

/**
 * A UUIDv7 (RFC 9562 §5.7): 48 bits of wall-clock ms, a 12-bit counter so that ids of one process sort in the order they were made, 62 random bits.
 */
export function uuidv7(now: number, random: Random): string {
  if (now > lastMs) {
    lastMs = now;
    sequence = Math.floor(random() * 0x400);
  } else {
    sequence += 1;
    if (sequence > 0xfff) {
      lastMs += 1;
      sequence = 0;
    }
  }
  const time = lastMs.toString(16).padStart(12, "0");
  const counter = (0x7000 | sequence).toString(16);
  const high = (0x8000 | Math.floor(random() * 0x4000)).toString(16);
  const low =
    Math.floor(random() * 0x1000000)
      .toString(16)
      .padStart(6, "0") +
    Math.floor(random() * 0x1000000)
      .toString(16)
      .padStart(6, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-${counter}-${high}-${low}`;
}
