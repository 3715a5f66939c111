import { sha256Hex } from "../../policy/idempotency/sha256.ts";

/** What may stand in a header as it is, and leaves room for the step. */
const PLAIN = /^[\x21-\x7e]{1,150}$/;

/** Id of a run: the same for the same pipeline and subject. */
export function runIdOf(pipeline: string, subject: string): string {
  return `${pipeline}/${PLAIN.test(subject) ? subject : `sha256-${sha256Hex(subject)}`}`;
}

/** Idempotency key of a step: the same at every attempt, restart and replay. Names of steps hold no slash. */
export function stepKeyOf(run: string, step: string): string {
  return `${run}/${step}`;
}

/**
 * Id of a step's operation, and of its dead letter: a UUIDv7 (RFC 9562 §5.7) whose chance comes from a hash, so that a process that
 * takes the run up again finds what the one before it has kept.
 */
export function stepOperationOf(key: string, openedAt: number): string {
  const time = Math.floor(openedAt).toString(16).padStart(12, "0").slice(-12);
  const hash = sha256Hex(`${key} ${openedAt}`);
  const variant = (0x8 | (Number.parseInt(hash.slice(3, 4), 16) & 0x3)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hash.slice(0, 3)}-${variant}${hash.slice(4, 7)}-${hash.slice(7, 19)}`;
}
