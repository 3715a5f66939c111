/** As much of an answer as a Response is made of. */
interface Answered {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
}

/** An answer as a Response: a transport may give something that costs less. */
export function responseOf(answer: Answered): Response {
  if (typeof (answer as Partial<Response>).clone === "function") return answer as Response;
  const { status, statusText, headers, body } = answer;
  return new Response(body as BodyInit | null, { status, statusText, headers });
}
