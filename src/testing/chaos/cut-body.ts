import { networkError } from "./network-error.ts";

/** The same answer, whose body breaks off after half of its first piece, as when a connection is reset in mid-body. */
export function cutBody(response: Response): Response {
  if (response.body === null) return response;
  const reader = response.body.getReader();
  let pieces = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value } = pieces === 0 ? await reader.read() : {};
      pieces += 1;
      if (value !== undefined) return controller.enqueue(value.subarray(0, Math.floor(value.length / 2)));
      await reader.cancel();
      controller.error(new TypeError("terminated", { cause: networkError("ECONNRESET") }));
    },
    cancel: (reason) => reader.cancel(reason),
  });
  const { status, statusText, headers } = response;
  const cut = new Response(body, { status, statusText, headers });
  // A made Response has no url; the real one's matters to whoever resolves links against it.
  Object.defineProperty(cut, "url", { value: response.url });
  return cut;
}
