/** What carries a request over the wire: anything of the shape of `fetch`. It must not retry by itself. */
export type Transport = (input: string, init: RequestInit) => Promise<Response>;
