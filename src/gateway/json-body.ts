import { ProblemError } from "./problem.ts";

/** Levels of nesting; what goes deeper would overflow the stack of whoever walks it. */
const MAX_DEPTH = 64;

/**
 * The JSON of a request, or undefined where it has no body. Bounded: at most `maxBytes` are read, whether or not the length was
 * announced, and the nesting is counted before anything is parsed.
 *
 * @throws ProblemError
 */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const bytes = await readBytes(request, maxBytes);
  if (bytes.length === 0) return undefined;
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/(?:[\w.-]+\+)?json *(?:;|$)/i.test(type)) {
    const got = type === "" ? "has no type" : `is of the type ${JSON.stringify(type.slice(0, 100))}`;
    throw new ProblemError("unsupported-media-type", `the body ${got}; send JSON with the header Content-Type: application/json`);
  }
  if (depthOf(bytes) > MAX_DEPTH) throw new ProblemError("invalid-request", `the body is nested deeper than ${MAX_DEPTH} levels`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw new ProblemError(
      "invalid-request",
      `the body is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : "unreadable"}`,
    );
  }
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = (): ProblemError => new ProblemError("body-too-large", `the body is larger than ${maxBytes} bytes`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/** How deep JSON nests: brackets outside texts, counted in one pass. */
function depthOf(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inText = false;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] as number;
    if (inText) {
      if (byte === BACKSLASH) index += 1;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (OPEN.has(byte)) deepest = Math.max(deepest, (depth += 1));
    else if (CLOSE.has(byte)) depth -= 1;
  }
  return deepest;
}
