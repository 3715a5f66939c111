/** What is asked for, byte by byte: the load generator writes it as it stands. */

export interface Workload {
  readonly name: string;
  /** The request to a proxy that forwards paths under `prefix`. */
  request(prefix: string): string;
}

/** Just above 1,000 bytes of JSON, as a list of contacts may be. */
export const DOCUMENT: string = JSON.stringify({
  object: "list",
  items: Array.from({ length: 12 }, (_, index) => ({
    id: `contact_${1_000 + index}`,
    email: `ada.lovelace.${index}@example.com`,
    score: index * 7,
  })),
});

/** What a client library says beside. */
const HEADERS = [
  "host: 127.0.0.1",
  "connection: keep-alive",
  "accept: application/json",
  "accept-encoding: gzip, deflate",
  "user-agent: bench/1.0",
  "authorization: Bearer sk-0123456789abcdef0123456789abcdef",
];

function get(prefix: string): string {
  return [`GET ${prefix}/v1/contacts?limit=12 HTTP/1.1`, ...HEADERS, "", ""].join("\r\n");
}

function post(path: string, headers: readonly string[] = []): string {
  const length = Buffer.byteLength(DOCUMENT);
  return [
    `POST ${path} HTTP/1.1`,
    ...HEADERS,
    ...headers,
    "content-type: application/json",
    `content-length: ${length}`,
    "",
    DOCUMENT,
  ].join("\r\n");
}

export const GET: Workload = { name: "1 kB of JSON fetched", request: get };
export const POST: Workload = { name: "1 kB of JSON posted and answered", request: (prefix) => post(`${prefix}/v1/contacts`) };

/** The same by the words of Portkey, which forwards to model providers. */
export function portkeyRequest(upstream: string): string {
  return post("/v1/chat/completions", ["x-portkey-provider: openai", `x-portkey-custom-host: ${upstream}/v1`]);
}
