/** One message of PostgreSQL's protocol, after the start: a letter, a length, and what it says. */
export interface Message {
  readonly type: string;
  /** All of it. */
  readonly bytes: Buffer;
}

/** Cuts what comes in pieces into whole messages. */
export function messages(): (chunk: Buffer) => Message[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole: Message[] = [];
    while (rest.length >= 5) {
      const length = 1 + rest.readInt32BE(1);
      if (rest.length < length) break;
      whole.push({ type: String.fromCharCode(rest[0] as number), bytes: rest.subarray(0, length) });
      rest = rest.subarray(length);
    }
    return whole;
  };
}
