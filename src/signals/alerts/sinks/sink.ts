import type { AlertNotice } from "../notice.ts";

/** A notice in the form of a receiver: what to send, and where. Secrets have been read by then. */
export interface SinkRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Render<Secrets> = (notice: AlertNotice, secrets: Secrets) => SinkRequest;
