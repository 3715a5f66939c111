import type { CrashPoint } from "./points.ts";

/** How the other side treats repetition: by key, not at all, or not at all but it can be asked. */
export type Kind = "keyed" | "blind" | "asked";

export interface Subject {
  readonly kind: Kind;
  readonly subject: string;
}

/** Where the operations are kept, as text that a child can open: `sqlite:/path` or `postgres://…`. */
export type StoreAddress = string;

/** A fault that is built in on purpose, to see that the check finds it. */
export type Broken = "early-ack" | "resend" | "unfenced";

/** What a worker process is started with. */
export interface Orders {
  readonly store: StoreAddress;
  readonly api: string;
  readonly subjects: readonly Subject[];
  /** Dies (or is stopped, as by SIGSTOP) when it comes to this point for the nth time; for one subject, where one is given. */
  readonly crash?: { readonly point: CrashPoint; readonly nth: number; readonly signal: "SIGKILL" | "SIGSTOP"; readonly subject?: string };
  readonly broken?: Broken;
  readonly poisonAfter?: number;
}

export const ENDPOINTS: Readonly<Record<Kind, string>> = { keyed: "POST /enrolments", blind: "POST /contacts", asked: "POST /orders" };
