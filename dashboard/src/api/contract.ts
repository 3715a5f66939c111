/**
 * Made by scripts/api-contract.ts out of the gateway's route table; a test holds the two to each other. Edit the routes, not this file.
 */

/** Every route that answers JSON, by its method and path. Instants are wall-clock milliseconds. */
export interface Contract {
  /** Puts work into the durable queue; answered once it is on disk. */
  readonly "POST /v1/operations": {
    readonly params: object;
    readonly query: object;
    readonly body: {
      readonly api: string;
      /** Such as `POST` */
      readonly method: string;
      /** Below the API's base URL, such as `/contacts` */
      readonly path: string;
      /** Only such as may be kept: no credential */
      readonly headers?: Readonly<Record<string, string>>;
      /** A body, sent as JSON */
      readonly json?: unknown;
      /** A body of another kind; give its type in `headers` */
      readonly body?: string;
      /** Idempotency key: a second operation under it is the first */
      readonly key?: string;
      readonly labels?: Readonly<Record<string, string>>;
      /** The account or token that the other side counts by */
      readonly partition?: string;
      readonly priority?: number;
      readonly flow?: string;
      /** Milliseconds, or a text such as "30s", "10m", "24h" */
      readonly delay?: number | string;
      /** Milliseconds, or a text such as "30s", "10m", "24h" */
      readonly expiresIn?: number | string;
      /** A URL that is told how it ended; the config says `callbacks` */
      readonly callback?: string;
    };
    readonly answer: { readonly known: true; readonly answered: true };
  };
  /** Operations, newest first. */
  readonly "GET /v1/operations": {
    readonly params: object;
    readonly query: {
      readonly limit?: number;
      readonly after?: string;
      readonly api?: string;
      readonly endpoint?: string;
      readonly partition?: string;
      readonly lane?: string;
      readonly state?: "ready" | "leased" | "parked" | "succeeded" | "dead" | "cancelled";
      readonly flow?: string;
      readonly key?: string;
    } & { readonly [label: `label.${string}`]: string };
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        readonly id: string;
        readonly api: string;
        readonly endpoint: string;
        readonly partition: string;
        readonly flow: string;
        readonly state: "ready" | "leased" | "parked" | "succeeded" | "dead" | "cancelled";
        readonly since: number;
        readonly labels: Readonly<Record<string, string>>;
        readonly key?: string;
        readonly priority: number;
        readonly acceptedAt: number;
        readonly dueAt: number;
        readonly expiresAt?: number;
        readonly parkedUntil?: number;
        readonly leaseUntil?: number;
        readonly worker?: string;
        /** Why: a stable code, and the numbers it was made from */
        readonly because?: {
          readonly code: string;
          readonly rule?: string;
          readonly attempt?: number;
          readonly maxAttempts?: number;
          readonly delayMs?: number;
          readonly hintMs?: number;
          readonly remainingMs?: number;
          readonly retryAfterMs?: number;
          readonly budget?: string;
          readonly detail?: string;
        };
        readonly request: {
          readonly method: string;
          readonly url: string;
          readonly headers?: readonly (readonly [string, string])[];
          readonly body?: { readonly text: string } | { readonly base64: string };
        };
        readonly attempts: number;
        /** Of its answer */
        readonly status?: number;
      }[];
      readonly next: string | null;
    };
  };
  /** One operation, with every attempt and its reason. */
  readonly "GET /v1/operations/{id}": {
    readonly params: { readonly id: string };
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly id: string;
      readonly api: string;
      readonly endpoint: string;
      readonly partition: string;
      readonly flow: string;
      readonly state: "ready" | "leased" | "parked" | "succeeded" | "dead" | "cancelled";
      readonly since: number;
      readonly labels: Readonly<Record<string, string>>;
      readonly key?: string;
      readonly priority: number;
      readonly acceptedAt: number;
      readonly dueAt: number;
      readonly expiresAt?: number;
      readonly parkedUntil?: number;
      readonly leaseUntil?: number;
      readonly worker?: string;
      /** Why: a stable code, and the numbers it was made from */
      readonly because?: {
        readonly code: string;
        readonly rule?: string;
        readonly attempt?: number;
        readonly maxAttempts?: number;
        readonly delayMs?: number;
        readonly hintMs?: number;
        readonly remainingMs?: number;
        readonly retryAfterMs?: number;
        readonly budget?: string;
        readonly detail?: string;
      };
      readonly request: {
        readonly method: string;
        readonly url: string;
        readonly headers?: readonly (readonly [string, string])[];
        readonly body?: { readonly text: string } | { readonly base64: string };
      };
      readonly attempts: readonly {
        readonly attempt: number;
        readonly startedAt: number;
        readonly durationMs: number;
        readonly verdict: {
          readonly kind: "success" | "throttled" | "transient" | "unauthorized" | "conflict" | "malformed" | "permanent" | "cancelled";
          readonly effect: "none" | "unknown" | "done";
          readonly rule: string;
          readonly because: string;
          readonly status?: number;
          readonly code?: string;
        };
        /** Why: a stable code, and the numbers it was made from */
        readonly because: {
          readonly code: string;
          readonly rule?: string;
          readonly attempt?: number;
          readonly maxAttempts?: number;
          readonly delayMs?: number;
          readonly hintMs?: number;
          readonly remainingMs?: number;
          readonly retryAfterMs?: number;
          readonly budget?: string;
          readonly detail?: string;
        };
        /** Of the answer, those on the allow-list */
        readonly headers?: Readonly<Record<string, string>>;
        /** The first bytes of the answer */
        readonly bodyExcerpt?: string;
        readonly upstreamRequestId?: string;
      }[];
      readonly answer?: {
        readonly status?: number;
        readonly headers?: readonly (readonly [string, string])[];
        readonly body: { readonly text: string } | { readonly base64: string };
      };
    };
  };
  /** Ends an operation that has not started; one that is under way is not sent again. */
  readonly "POST /v1/operations/{id}/cancel": {
    readonly params: { readonly id: string };
    readonly query: object;
    readonly body: { readonly reason?: string } | undefined;
    readonly answer: { readonly id: string; readonly result: "cancelled" | "requested" };
  };
  /** Dead letters, newest first. */
  readonly "GET /v1/dead-letters": {
    readonly params: object;
    readonly query: {
      readonly limit?: number;
      readonly after?: string;
      readonly api?: string;
      readonly fingerprint?: string;
      readonly state?: "open" | "replaying" | "resolved" | "discarded";
      readonly reason?: "exhausted" | "permanent" | "outcome-unknown" | "expired" | "budget" | "poison" | "cancelled-by-operator";
      readonly since?: number;
      readonly until?: number;
    } & { readonly [label: `label.${string}`]: string };
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        readonly id: string;
        readonly api: string;
        readonly endpoint: string;
        readonly partition: string;
        readonly reason: "exhausted" | "permanent" | "outcome-unknown" | "expired" | "budget" | "poison" | "cancelled-by-operator";
        /** Why: a stable code, and the numbers it was made from */
        readonly because: {
          readonly code: string;
          readonly rule?: string;
          readonly attempt?: number;
          readonly maxAttempts?: number;
          readonly delayMs?: number;
          readonly hintMs?: number;
          readonly remainingMs?: number;
          readonly retryAfterMs?: number;
          readonly budget?: string;
          readonly detail?: string;
        };
        readonly fingerprint: string;
        readonly title: string;
        readonly operation?: string;
        readonly idempotencyKey?: string;
        readonly labels: Readonly<Record<string, string>>;
        readonly firstAttemptAt: number;
        readonly diedAt: number;
        readonly state: "open" | "replaying" | "resolved" | "discarded";
        readonly revision: number;
        readonly replays: number;
        readonly changedAt: number;
        readonly note?: string;
        readonly request?: {
          readonly method: string;
          readonly url: string;
          readonly headers?: readonly (readonly [string, string])[];
          readonly body?: { readonly text: string } | { readonly base64: string };
        };
        readonly attempts: number;
        /** Why sending it again may do it twice */
        readonly doubt?: string;
      }[];
      readonly next: string | null;
    };
  };
  /** Dead letters by what they failed of, the latest first, with a chart of each. */
  readonly "GET /v1/dead-letters/groups": {
    readonly params: object;
    readonly query: {
      readonly api?: string;
      readonly fingerprint?: string;
      readonly state?: "open" | "replaying" | "resolved" | "discarded";
      readonly reason?: "exhausted" | "permanent" | "outcome-unknown" | "expired" | "budget" | "poison" | "cancelled-by-operator";
      readonly since?: number;
      readonly until?: number;
      readonly window?: string;
    } & { readonly [label: `label.${string}`]: string };
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        readonly fingerprint: string;
        readonly title: string;
        readonly api: string;
        readonly endpoint: string;
        readonly reason: "exhausted" | "permanent" | "outcome-unknown" | "expired" | "budget" | "poison" | "cancelled-by-operator";
        readonly state: "open" | "acknowledged" | "resolved" | "ignored";
        readonly regressed: boolean;
        readonly open: number;
        readonly total: number;
        readonly firstAt: number;
        readonly lastAt: number;
        /** Deaths in steps of time up to now, whatever became of the letters since */
        readonly chart: { readonly from: number; readonly stepMs: number; readonly counts: readonly number[] };
      }[];
      readonly next: string | null;
    };
  };
  /** One group, with a chart and its newest letters to lay side by side. */
  readonly "GET /v1/dead-letters/groups/{fingerprint}": {
    readonly params: { readonly fingerprint: string };
    readonly query: { readonly window?: string; readonly samples?: number };
    readonly body: undefined;
    readonly answer: {
      readonly fingerprint: string;
      readonly title: string;
      readonly api: string;
      readonly endpoint: string;
      readonly reason: "exhausted" | "permanent" | "outcome-unknown" | "expired" | "budget" | "poison" | "cancelled-by-operator";
      readonly state: "open" | "acknowledged" | "resolved" | "ignored";
      readonly regressed: boolean;
      readonly open: number;
      readonly total: number;
      readonly firstAt: number;
      readonly lastAt: number;
      /** Deaths in steps of time up to now, whatever became of the letters since */
      readonly chart: { readonly from: number; readonly stepMs: number; readonly counts: readonly number[] };
      readonly samples: readonly {
        readonly id: string;
        readonly api: string;
        readonly endpoint: string;
        readonly partition: string;
        readonly reason: "exhausted" | "permanent" | "outcome-unknown" | "expired" | "budget" | "poison" | "cancelled-by-operator";
        /** Why: a stable code, and the numbers it was made from */
        readonly because: {
          readonly code: string;
          readonly rule?: string;
          readonly attempt?: number;
          readonly maxAttempts?: number;
          readonly delayMs?: number;
          readonly hintMs?: number;
          readonly remainingMs?: number;
          readonly retryAfterMs?: number;
          readonly budget?: string;
          readonly detail?: string;
        };
        readonly fingerprint: string;
        readonly title: string;
        readonly operation?: string;
        readonly idempotencyKey?: string;
        readonly labels: Readonly<Record<string, string>>;
        readonly firstAttemptAt: number;
        readonly diedAt: number;
        readonly state: "open" | "replaying" | "resolved" | "discarded";
        readonly revision: number;
        readonly replays: number;
        readonly changedAt: number;
        readonly note?: string;
        readonly request?: {
          readonly method: string;
          readonly url: string;
          readonly headers?: readonly (readonly [string, string])[];
          readonly body?: { readonly text: string } | { readonly base64: string };
        };
        readonly attempts: readonly {
          readonly attempt: number;
          readonly startedAt: number;
          readonly durationMs: number;
          readonly verdict: {
            readonly kind: "success" | "throttled" | "transient" | "unauthorized" | "conflict" | "malformed" | "permanent" | "cancelled";
            readonly effect: "none" | "unknown" | "done";
            readonly rule: string;
            readonly because: string;
            readonly status?: number;
            readonly code?: string;
          };
          /** Why: a stable code, and the numbers it was made from */
          readonly because: {
            readonly code: string;
            readonly rule?: string;
            readonly attempt?: number;
            readonly maxAttempts?: number;
            readonly delayMs?: number;
            readonly hintMs?: number;
            readonly remainingMs?: number;
            readonly retryAfterMs?: number;
            readonly budget?: string;
            readonly detail?: string;
          };
          /** Of the answer, those on the allow-list */
          readonly headers?: Readonly<Record<string, string>>;
          /** The first bytes of the answer */
          readonly bodyExcerpt?: string;
          readonly upstreamRequestId?: string;
        }[];
        /** Why sending it again may do it twice */
        readonly doubt?: string;
      }[];
    };
  };
  /** Acknowledges, resolves, ignores or re-opens a group. */
  readonly "POST /v1/dead-letters/groups/{fingerprint}/state": {
    readonly params: { readonly fingerprint: string };
    readonly query: object;
    readonly body: { readonly state: "open" | "acknowledged" | "resolved" | "ignored"; readonly reason?: string };
    readonly answer: {
      readonly fingerprint: string;
      readonly title: string;
      readonly api: string;
      readonly endpoint: string;
      readonly reason: "exhausted" | "permanent" | "outcome-unknown" | "expired" | "budget" | "poison" | "cancelled-by-operator";
      readonly state: "open" | "acknowledged" | "resolved" | "ignored";
      readonly regressed: boolean;
      readonly open: number;
      readonly total: number;
      readonly firstAt: number;
      readonly lastAt: number;
    };
  };
  /** Begins a run that sends letters again. */
  readonly "POST /v1/dead-letters/replay": {
    readonly params: object;
    readonly query: object;
    readonly body: {
      readonly ids?: readonly string[];
      /** All open members of a group, by its fingerprint */
      readonly group?: string;
      /** Open letters that fit; `{}` is all */
      readonly filter?: {
        readonly api?: string;
        readonly fingerprint?: string;
        readonly reason?: "exhausted" | "permanent" | "outcome-unknown" | "expired" | "budget" | "poison" | "cancelled-by-operator";
        readonly labels?: Readonly<Record<string, string>>;
        readonly since?: number;
        readonly until?: number;
      };
      /** So many go first; the run goes on only if they succeed */
      readonly canary?: number;
      /** Letters a second, after the canary */
      readonly rate?: number;
      /** A JSON merge patch (RFC 7396) of each body */
      readonly patch?: Readonly<Record<string, unknown>>;
      /** Also what may have happened already */
      readonly confirm?: boolean;
      readonly maxReplays?: number;
      /** Why, for the audit log */
      readonly reason?: string;
    };
    readonly answer: {
      readonly id: string;
      readonly state: "running" | "stopping" | "finished" | "failed";
      readonly by: string;
      readonly startedAt: number;
      readonly endedAt?: number;
      readonly resolved: number;
      readonly failedAgain: number;
      readonly skipped: number;
      /** Why it ended before its last letter */
      readonly stopped?: string;
      readonly error?: string;
      /** The last thousand */
      readonly entries: readonly {
        readonly id: string;
        readonly result: "resolved" | "failed-again" | "skipped";
        readonly because: string;
      }[];
    };
  };
  /** Gives up on open letters, with a reason that stays. */
  readonly "POST /v1/dead-letters/discard": {
    readonly params: object;
    readonly query: object;
    readonly body: {
      readonly ids?: readonly string[];
      /** All open members of a group, by its fingerprint */
      readonly group?: string;
      /** Open letters that fit; `{}` is all */
      readonly filter?: {
        readonly api?: string;
        readonly fingerprint?: string;
        readonly reason?: "exhausted" | "permanent" | "outcome-unknown" | "expired" | "budget" | "poison" | "cancelled-by-operator";
        readonly labels?: Readonly<Record<string, string>>;
        readonly since?: number;
        readonly until?: number;
      };
      readonly reason: string;
    };
    readonly answer: { readonly discarded: number };
  };
  /** One dead letter, with its request and every attempt. */
  readonly "GET /v1/dead-letters/{id}": {
    readonly params: { readonly id: string };
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly id: string;
      readonly api: string;
      readonly endpoint: string;
      readonly partition: string;
      readonly reason: "exhausted" | "permanent" | "outcome-unknown" | "expired" | "budget" | "poison" | "cancelled-by-operator";
      /** Why: a stable code, and the numbers it was made from */
      readonly because: {
        readonly code: string;
        readonly rule?: string;
        readonly attempt?: number;
        readonly maxAttempts?: number;
        readonly delayMs?: number;
        readonly hintMs?: number;
        readonly remainingMs?: number;
        readonly retryAfterMs?: number;
        readonly budget?: string;
        readonly detail?: string;
      };
      readonly fingerprint: string;
      readonly title: string;
      readonly operation?: string;
      readonly idempotencyKey?: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly firstAttemptAt: number;
      readonly diedAt: number;
      readonly state: "open" | "replaying" | "resolved" | "discarded";
      readonly revision: number;
      readonly replays: number;
      readonly changedAt: number;
      readonly note?: string;
      readonly request?: {
        readonly method: string;
        readonly url: string;
        readonly headers?: readonly (readonly [string, string])[];
        readonly body?: { readonly text: string } | { readonly base64: string };
      };
      readonly attempts: readonly {
        readonly attempt: number;
        readonly startedAt: number;
        readonly durationMs: number;
        readonly verdict: {
          readonly kind: "success" | "throttled" | "transient" | "unauthorized" | "conflict" | "malformed" | "permanent" | "cancelled";
          readonly effect: "none" | "unknown" | "done";
          readonly rule: string;
          readonly because: string;
          readonly status?: number;
          readonly code?: string;
        };
        /** Why: a stable code, and the numbers it was made from */
        readonly because: {
          readonly code: string;
          readonly rule?: string;
          readonly attempt?: number;
          readonly maxAttempts?: number;
          readonly delayMs?: number;
          readonly hintMs?: number;
          readonly remainingMs?: number;
          readonly retryAfterMs?: number;
          readonly budget?: string;
          readonly detail?: string;
        };
        /** Of the answer, those on the allow-list */
        readonly headers?: Readonly<Record<string, string>>;
        /** The first bytes of the answer */
        readonly bodyExcerpt?: string;
        readonly upstreamRequestId?: string;
      }[];
      /** Why sending it again may do it twice */
      readonly doubt?: string;
    };
  };
  /** Replay runs of this process, newest first. */
  readonly "GET /v1/replays": {
    readonly params: object;
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        readonly id: string;
        readonly state: "running" | "stopping" | "finished" | "failed";
        readonly by: string;
        readonly startedAt: number;
        readonly endedAt?: number;
        readonly resolved: number;
        readonly failedAgain: number;
        readonly skipped: number;
        /** Why it ended before its last letter */
        readonly stopped?: string;
        readonly error?: string;
        /** The last thousand */
        readonly entries: readonly {
          readonly id: string;
          readonly result: "resolved" | "failed-again" | "skipped";
          readonly because: string;
        }[];
      }[];
      readonly next: string | null;
    };
  };
  /** A replay run as it stands. */
  readonly "GET /v1/replays/{id}": {
    readonly params: { readonly id: string };
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly id: string;
      readonly state: "running" | "stopping" | "finished" | "failed";
      readonly by: string;
      readonly startedAt: number;
      readonly endedAt?: number;
      readonly resolved: number;
      readonly failedAgain: number;
      readonly skipped: number;
      /** Why it ended before its last letter */
      readonly stopped?: string;
      readonly error?: string;
      /** The last thousand */
      readonly entries: readonly {
        readonly id: string;
        readonly result: "resolved" | "failed-again" | "skipped";
        readonly because: string;
      }[];
    };
  };
  /** Ends a run after the letters under way. */
  readonly "POST /v1/replays/{id}/stop": {
    readonly params: { readonly id: string };
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly id: string;
      readonly state: "running" | "stopping" | "finished" | "failed";
      readonly by: string;
      readonly startedAt: number;
      readonly endedAt?: number;
      readonly resolved: number;
      readonly failedAgain: number;
      readonly skipped: number;
      /** Why it ended before its last letter */
      readonly stopped?: string;
      readonly error?: string;
      /** The last thousand */
      readonly entries: readonly {
        readonly id: string;
        readonly result: "resolved" | "failed-again" | "skipped";
        readonly because: string;
      }[];
    };
  };
  /** Lanes with their breaker, their queue and what operators hold. */
  readonly "GET /v1/lanes": {
    readonly params: object;
    readonly query: { readonly api?: string };
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        /** Percent-encode it as one segment of a path */
        readonly id: string;
        readonly api: string;
        readonly endpoint: string;
        readonly partition: string;
        /** `unknown`: this process has not called it yet */
        readonly breaker: "closed" | "open" | "half-open" | "none" | "unknown";
        readonly because: string;
        /** When the breaker came to this state; left out where that is longer ago than a day, or not known */
        readonly since?: number;
        /** When an open breaker lets a probe through */
        readonly probeAt?: number;
        readonly inFlight: number;
        readonly waiting: number;
        /** Retries that the budget would allow now */
        readonly retryBudget?: number;
        /** Calls that this process's rate limits would let go now */
        readonly tokens?: number;
        /** The last change of the breaker in any process, within a day */
        readonly lastChange?: { readonly at: number; readonly to: string; readonly because: string };
        readonly queue: {
          readonly due: number;
          readonly leased: number;
          readonly parked: number;
          readonly oldestDueAt?: number;
          readonly nextDueAt?: number;
          readonly paused: boolean;
        };
        readonly holds: readonly {
          readonly what: "open" | "closed" | "paused";
          readonly by: string;
          readonly why?: string;
          readonly since: number;
          readonly until?: number;
        }[];
      }[];
      readonly next: string | null;
    };
  };
  /** One lane. */
  readonly "GET /v1/lanes/{lane}": {
    readonly params: { readonly lane: string };
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      /** Percent-encode it as one segment of a path */
      readonly id: string;
      readonly api: string;
      readonly endpoint: string;
      readonly partition: string;
      /** `unknown`: this process has not called it yet */
      readonly breaker: "closed" | "open" | "half-open" | "none" | "unknown";
      readonly because: string;
      /** When the breaker came to this state; left out where that is longer ago than a day, or not known */
      readonly since?: number;
      /** When an open breaker lets a probe through */
      readonly probeAt?: number;
      readonly inFlight: number;
      readonly waiting: number;
      /** Retries that the budget would allow now */
      readonly retryBudget?: number;
      /** Calls that this process's rate limits would let go now */
      readonly tokens?: number;
      /** The last change of the breaker in any process, within a day */
      readonly lastChange?: { readonly at: number; readonly to: string; readonly because: string };
      readonly queue: {
        readonly due: number;
        readonly leased: number;
        readonly parked: number;
        readonly oldestDueAt?: number;
        readonly nextDueAt?: number;
        readonly paused: boolean;
      };
      readonly holds: readonly {
        readonly what: "open" | "closed" | "paused";
        readonly by: string;
        readonly why?: string;
        readonly since: number;
        readonly until?: number;
      }[];
    };
  };
  /** Holds the breaker open: nothing goes. */
  readonly "POST /v1/lanes/{lane}/open": {
    readonly params: { readonly lane: string };
    readonly query: object;
    readonly body:
      | {
          /** Why, for the audit log */
          readonly reason?: string;
          /** For so long; left out: until it is ended */
          readonly for?: number | string;
        }
      | undefined;
    readonly answer: {
      /** Percent-encode it as one segment of a path */
      readonly id: string;
      readonly api: string;
      readonly endpoint: string;
      readonly partition: string;
      /** `unknown`: this process has not called it yet */
      readonly breaker: "closed" | "open" | "half-open" | "none" | "unknown";
      readonly because: string;
      /** When the breaker came to this state; left out where that is longer ago than a day, or not known */
      readonly since?: number;
      /** When an open breaker lets a probe through */
      readonly probeAt?: number;
      readonly inFlight: number;
      readonly waiting: number;
      /** Retries that the budget would allow now */
      readonly retryBudget?: number;
      /** Calls that this process's rate limits would let go now */
      readonly tokens?: number;
      /** The last change of the breaker in any process, within a day */
      readonly lastChange?: { readonly at: number; readonly to: string; readonly because: string };
      readonly queue: {
        readonly due: number;
        readonly leased: number;
        readonly parked: number;
        readonly oldestDueAt?: number;
        readonly nextDueAt?: number;
        readonly paused: boolean;
      };
      readonly holds: readonly {
        readonly what: "open" | "closed" | "paused";
        readonly by: string;
        readonly why?: string;
        readonly since: number;
        readonly until?: number;
      }[];
    };
  };
  /** Holds the breaker closed: everything goes. */
  readonly "POST /v1/lanes/{lane}/close": {
    readonly params: { readonly lane: string };
    readonly query: object;
    readonly body:
      | {
          /** Why, for the audit log */
          readonly reason?: string;
          /** For so long; left out: until it is ended */
          readonly for?: number | string;
        }
      | undefined;
    readonly answer: {
      /** Percent-encode it as one segment of a path */
      readonly id: string;
      readonly api: string;
      readonly endpoint: string;
      readonly partition: string;
      /** `unknown`: this process has not called it yet */
      readonly breaker: "closed" | "open" | "half-open" | "none" | "unknown";
      readonly because: string;
      /** When the breaker came to this state; left out where that is longer ago than a day, or not known */
      readonly since?: number;
      /** When an open breaker lets a probe through */
      readonly probeAt?: number;
      readonly inFlight: number;
      readonly waiting: number;
      /** Retries that the budget would allow now */
      readonly retryBudget?: number;
      /** Calls that this process's rate limits would let go now */
      readonly tokens?: number;
      /** The last change of the breaker in any process, within a day */
      readonly lastChange?: { readonly at: number; readonly to: string; readonly because: string };
      readonly queue: {
        readonly due: number;
        readonly leased: number;
        readonly parked: number;
        readonly oldestDueAt?: number;
        readonly nextDueAt?: number;
        readonly paused: boolean;
      };
      readonly holds: readonly {
        readonly what: "open" | "closed" | "paused";
        readonly by: string;
        readonly why?: string;
        readonly since: number;
        readonly until?: number;
      }[];
    };
  };
  /** Gives the breaker back to its own judgement. */
  readonly "POST /v1/lanes/{lane}/auto": {
    readonly params: { readonly lane: string };
    readonly query: object;
    readonly body:
      | {
          /** Why, for the audit log */
          readonly reason?: string;
        }
      | undefined;
    readonly answer: {
      /** Percent-encode it as one segment of a path */
      readonly id: string;
      readonly api: string;
      readonly endpoint: string;
      readonly partition: string;
      /** `unknown`: this process has not called it yet */
      readonly breaker: "closed" | "open" | "half-open" | "none" | "unknown";
      readonly because: string;
      /** When the breaker came to this state; left out where that is longer ago than a day, or not known */
      readonly since?: number;
      /** When an open breaker lets a probe through */
      readonly probeAt?: number;
      readonly inFlight: number;
      readonly waiting: number;
      /** Retries that the budget would allow now */
      readonly retryBudget?: number;
      /** Calls that this process's rate limits would let go now */
      readonly tokens?: number;
      /** The last change of the breaker in any process, within a day */
      readonly lastChange?: { readonly at: number; readonly to: string; readonly because: string };
      readonly queue: {
        readonly due: number;
        readonly leased: number;
        readonly parked: number;
        readonly oldestDueAt?: number;
        readonly nextDueAt?: number;
        readonly paused: boolean;
      };
      readonly holds: readonly {
        readonly what: "open" | "closed" | "paused";
        readonly by: string;
        readonly why?: string;
        readonly since: number;
        readonly until?: number;
      }[];
    };
  };
  /** Stops claims of the queue; what is under way goes on. */
  readonly "POST /v1/lanes/{lane}/pause": {
    readonly params: { readonly lane: string };
    readonly query: object;
    readonly body:
      | {
          /** Why, for the audit log */
          readonly reason?: string;
          /** For so long; left out: until it is ended */
          readonly for?: number | string;
        }
      | undefined;
    readonly answer: {
      /** Percent-encode it as one segment of a path */
      readonly id: string;
      readonly api: string;
      readonly endpoint: string;
      readonly partition: string;
      /** `unknown`: this process has not called it yet */
      readonly breaker: "closed" | "open" | "half-open" | "none" | "unknown";
      readonly because: string;
      /** When the breaker came to this state; left out where that is longer ago than a day, or not known */
      readonly since?: number;
      /** When an open breaker lets a probe through */
      readonly probeAt?: number;
      readonly inFlight: number;
      readonly waiting: number;
      /** Retries that the budget would allow now */
      readonly retryBudget?: number;
      /** Calls that this process's rate limits would let go now */
      readonly tokens?: number;
      /** The last change of the breaker in any process, within a day */
      readonly lastChange?: { readonly at: number; readonly to: string; readonly because: string };
      readonly queue: {
        readonly due: number;
        readonly leased: number;
        readonly parked: number;
        readonly oldestDueAt?: number;
        readonly nextDueAt?: number;
        readonly paused: boolean;
      };
      readonly holds: readonly {
        readonly what: "open" | "closed" | "paused";
        readonly by: string;
        readonly why?: string;
        readonly since: number;
        readonly until?: number;
      }[];
    };
  };
  /** Goes on with a paused lane. */
  readonly "POST /v1/lanes/{lane}/resume": {
    readonly params: { readonly lane: string };
    readonly query: object;
    readonly body:
      | {
          /** Why, for the audit log */
          readonly reason?: string;
        }
      | undefined;
    readonly answer: {
      /** Percent-encode it as one segment of a path */
      readonly id: string;
      readonly api: string;
      readonly endpoint: string;
      readonly partition: string;
      /** `unknown`: this process has not called it yet */
      readonly breaker: "closed" | "open" | "half-open" | "none" | "unknown";
      readonly because: string;
      /** When the breaker came to this state; left out where that is longer ago than a day, or not known */
      readonly since?: number;
      /** When an open breaker lets a probe through */
      readonly probeAt?: number;
      readonly inFlight: number;
      readonly waiting: number;
      /** Retries that the budget would allow now */
      readonly retryBudget?: number;
      /** Calls that this process's rate limits would let go now */
      readonly tokens?: number;
      /** The last change of the breaker in any process, within a day */
      readonly lastChange?: { readonly at: number; readonly to: string; readonly because: string };
      readonly queue: {
        readonly due: number;
        readonly leased: number;
        readonly parked: number;
        readonly oldestDueAt?: number;
        readonly nextDueAt?: number;
        readonly paused: boolean;
      };
      readonly holds: readonly {
        readonly what: "open" | "closed" | "paused";
        readonly by: string;
        readonly why?: string;
        readonly since: number;
        readonly until?: number;
      }[];
    };
  };
  /** What happened in steps of time, by API, over all processes that share the store. */
  readonly "GET /v1/stats/history": {
    readonly params: object;
    readonly query: { readonly window?: string; readonly api?: string };
    readonly body: undefined;
    readonly answer: {
      readonly from: number;
      /** The end of the step that is under way */
      readonly to: number;
      readonly stepMs: number;
      readonly items: readonly {
        readonly api: string;
        readonly points: readonly {
          /** When the step began */
          readonly at: number;
          /** Calls and queued operations that ended */
          readonly calls: number;
          readonly succeeded: number;
          readonly failed: number;
          readonly refused: number;
          readonly replayed: number;
          readonly attempts: number;
          readonly retries: number;
          readonly deadLetters: number;
          /** Attempts by the kind of their verdict: `success`, `throttled`, `transient`, … */
          readonly verdicts: Readonly<Record<string, number>>;
          /** Latency of attempts in ms, within an eighth; null where there were none */
          readonly p50: number | null;
          readonly p95: number | null;
          /** What stood in the store at the end of the step; null before anybody looked */
          readonly standing: {
            readonly due: number;
            readonly leased: number;
            readonly parked: number;
            readonly oldestDueAt?: number;
            readonly openDeadLetters: number;
          } | null;
        }[];
      }[];
      readonly next: null;
    };
  };
  /** What happened in a lane: its breaker, what operators did, and how attempts came out. */
  readonly "GET /v1/lanes/{lane}/history": {
    readonly params: { readonly lane: string };
    readonly query: { readonly window?: string };
    readonly body: undefined;
    readonly answer: {
      readonly id: string;
      readonly from: number;
      /** The end of the step that is under way */
      readonly to: number;
      readonly stepMs: number;
      readonly points: readonly {
        /** When the step began */
        readonly at: number;
        /** Calls and queued operations that ended */
        readonly calls: number;
        readonly succeeded: number;
        readonly failed: number;
        readonly refused: number;
        readonly replayed: number;
        readonly attempts: number;
        readonly retries: number;
        readonly deadLetters: number;
        /** Attempts by the kind of their verdict: `success`, `throttled`, `transient`, … */
        readonly verdicts: Readonly<Record<string, number>>;
        /** Latency of attempts in ms, within an eighth; null where there were none */
        readonly p50: number | null;
        readonly p95: number | null;
      }[];
      readonly changes: readonly {
        readonly at: number;
        readonly from: string;
        readonly to: string;
        readonly because: string;
        /** When a probe might go, from `at` on */
        readonly retryAfterMs: number;
        /** Whose breaker it was */
        readonly process: string;
      }[];
      /** What operators did within the window */
      readonly acts: readonly {
        readonly at: number;
        readonly what: "open" | "closed" | "paused" | "auto" | "resumed";
        readonly by: string;
        readonly why?: string;
        readonly until?: number;
      }[];
    };
  };
  /** Limits that operators have set over those of the config. */
  readonly "GET /v1/limits": {
    readonly params: object;
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        readonly api: string;
        /** `*`: all of the API's */
        readonly endpoint: string;
        readonly limits: {
          /** Of the whole API only */
          readonly rateLimit?:
            | {
                readonly limit: number;
                /** Milliseconds, or a text such as "30s", "10m", "24h" */
                readonly per?: number | string;
                readonly burst?: number;
                readonly scope?: "api" | "endpoint" | "partition";
                readonly counts?: "cost" | "calls";
              }
            | readonly {
                readonly limit: number;
                /** Milliseconds, or a text such as "30s", "10m", "24h" */
                readonly per?: number | string;
                readonly burst?: number;
                readonly scope?: "api" | "endpoint" | "partition";
                readonly counts?: "cost" | "calls";
              }[]
            | false;
          readonly concurrency?: number | { readonly max: number; readonly maxQueue?: number } | false;
          readonly breaker?:
            | {
                readonly failureRate?: number;
                readonly window?: number;
                /** Milliseconds, or a text such as "30s", "10m", "24h" */
                readonly windowTime?: number | string;
                readonly minimumCalls?: number;
                /** Milliseconds, or a text such as "30s", "10m", "24h" */
                readonly openFor?: number | string;
                /** Milliseconds, or a text such as "30s", "10m", "24h" */
                readonly maxOpenFor?: number | string;
                readonly halfOpenCalls?: number;
                /** Milliseconds, or a text such as "30s", "10m", "24h" */
                readonly probeLease?: number | string;
                readonly slowCallRate?: number;
                /** Milliseconds, or a text such as "30s", "10m", "24h" */
                readonly slowCall?: number | string;
              }
            | false;
        };
        readonly by: string;
        readonly reason: string;
        readonly since: number;
        readonly until: number;
      }[];
      readonly next: string | null;
    };
  };
  /** Sets limits over those of the config for a while, in every gateway over the store. */
  readonly "POST /v1/limits": {
    readonly params: object;
    readonly query: object;
    readonly body: {
      readonly api: string;
      /** Such as `POST /contacts`; left out: all of the API's */
      readonly endpoint?: string;
      /** Of the whole API only */
      readonly rateLimit?:
        | {
            readonly limit: number;
            /** Milliseconds, or a text such as "30s", "10m", "24h" */
            readonly per?: number | string;
            readonly burst?: number;
            readonly scope?: "api" | "endpoint" | "partition";
            readonly counts?: "cost" | "calls";
          }
        | readonly {
            readonly limit: number;
            /** Milliseconds, or a text such as "30s", "10m", "24h" */
            readonly per?: number | string;
            readonly burst?: number;
            readonly scope?: "api" | "endpoint" | "partition";
            readonly counts?: "cost" | "calls";
          }[]
        | false;
      readonly concurrency?: number | { readonly max: number; readonly maxQueue?: number } | false;
      readonly breaker?:
        | {
            readonly failureRate?: number;
            readonly window?: number;
            /** Milliseconds, or a text such as "30s", "10m", "24h" */
            readonly windowTime?: number | string;
            readonly minimumCalls?: number;
            /** Milliseconds, or a text such as "30s", "10m", "24h" */
            readonly openFor?: number | string;
            /** Milliseconds, or a text such as "30s", "10m", "24h" */
            readonly maxOpenFor?: number | string;
            readonly halfOpenCalls?: number;
            /** Milliseconds, or a text such as "30s", "10m", "24h" */
            readonly probeLease?: number | string;
            readonly slowCallRate?: number;
            /** Milliseconds, or a text such as "30s", "10m", "24h" */
            readonly slowCall?: number | string;
          }
        | false;
      /** How long it holds; a day at most */
      readonly for: number | string;
      readonly reason: string;
    };
    readonly answer: {
      readonly api: string;
      /** `*`: all of the API's */
      readonly endpoint: string;
      readonly limits: {
        /** Of the whole API only */
        readonly rateLimit?:
          | {
              readonly limit: number;
              /** Milliseconds, or a text such as "30s", "10m", "24h" */
              readonly per?: number | string;
              readonly burst?: number;
              readonly scope?: "api" | "endpoint" | "partition";
              readonly counts?: "cost" | "calls";
            }
          | readonly {
              readonly limit: number;
              /** Milliseconds, or a text such as "30s", "10m", "24h" */
              readonly per?: number | string;
              readonly burst?: number;
              readonly scope?: "api" | "endpoint" | "partition";
              readonly counts?: "cost" | "calls";
            }[]
          | false;
        readonly concurrency?: number | { readonly max: number; readonly maxQueue?: number } | false;
        readonly breaker?:
          | {
              readonly failureRate?: number;
              readonly window?: number;
              /** Milliseconds, or a text such as "30s", "10m", "24h" */
              readonly windowTime?: number | string;
              readonly minimumCalls?: number;
              /** Milliseconds, or a text such as "30s", "10m", "24h" */
              readonly openFor?: number | string;
              /** Milliseconds, or a text such as "30s", "10m", "24h" */
              readonly maxOpenFor?: number | string;
              readonly halfOpenCalls?: number;
              /** Milliseconds, or a text such as "30s", "10m", "24h" */
              readonly probeLease?: number | string;
              readonly slowCallRate?: number;
              /** Milliseconds, or a text such as "30s", "10m", "24h" */
              readonly slowCall?: number | string;
            }
          | false;
      };
      readonly by: string;
      readonly reason: string;
      readonly since: number;
      readonly until: number;
    };
  };
  /** Ends limits before their time: the config holds again. */
  readonly "DELETE /v1/limits/{api}": {
    readonly params: { readonly api: string };
    readonly query: { readonly endpoint?: string };
    readonly body: undefined;
    readonly answer: { readonly ended: { readonly api: string; readonly endpoint: string } };
  };
  /** What happened lately, by API, over all processes that share the store, and what stands in the queue. */
  readonly "GET /v1/stats": {
    readonly params: object;
    readonly query: { readonly window?: string };
    readonly body: undefined;
    readonly answer: {
      readonly windowMs: number;
      readonly apis: Readonly<
        Record<
          string,
          {
            /** Calls and queued operations that ended */
            readonly calls: number;
            readonly succeeded: number;
            readonly failed: number;
            readonly refused: number;
            readonly replayed: number;
            readonly attempts: number;
            readonly retries: number;
            readonly deadLetters: number;
          }
        >
      >;
      readonly total: {
        /** Calls and queued operations that ended */
        readonly calls: number;
        readonly succeeded: number;
        readonly failed: number;
        readonly refused: number;
        readonly replayed: number;
        readonly attempts: number;
        readonly retries: number;
        readonly deadLetters: number;
      };
      /** By state; left out where the token does not see all of them */
      readonly operations?: Readonly<Record<string, number>>;
    };
  };
  /** What operators did: who, what, when, why; oldest first. */
  readonly "GET /v1/audit": {
    readonly params: object;
    readonly query: { readonly limit?: number; readonly after?: string };
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        readonly id: string;
        readonly at: number;
        readonly who: string;
        readonly client: string;
        readonly action: string;
        readonly target: string;
        readonly why?: string;
        readonly details?: unknown;
        /** `begun` where the process ended in the middle of it, `done`, or `failed: …` */
        readonly outcome: string;
      }[];
      readonly next: string | null;
    };
  };
  /** Tokens in the store, without what would let anybody in; those of the config are not among them. */
  readonly "GET /v1/tokens": {
    readonly params: object;
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        readonly name: string;
        readonly scopes: readonly ("call" | "read" | "operate")[];
        readonly apis?: readonly string[];
        readonly account?: string;
        readonly rateLimit?: { readonly limit: number; readonly perMs: number; readonly burst: number };
        readonly expiresAt?: number;
        readonly createdAt: number;
      }[];
      readonly next: string | null;
    };
  };
  /** Makes a token, which is told this once and kept as a hash. */
  readonly "POST /v1/tokens": {
    readonly params: object;
    readonly query: object;
    readonly body: {
      readonly name: string;
      readonly scopes: readonly ("call" | "read" | "operate")[];
      /** Only these APIs */
      readonly apis?: readonly string[];
      /** Acts for this account, and sees no other */
      readonly account?: string;
      /** Requests that it may make */
      readonly rateLimit?: {
        readonly limit: number;
        /** Milliseconds, or a text such as "30s", "10m", "24h" */
        readonly per?: number | string;
        readonly burst?: number;
      };
      /** Milliseconds, or a text such as "30s", "10m", "24h" */
      readonly expiresIn?: number | string;
      /** Why, for the audit log */
      readonly reason?: string;
    };
    readonly answer: {
      readonly name: string;
      readonly scopes: readonly ("call" | "read" | "operate")[];
      readonly apis?: readonly string[];
      readonly account?: string;
      readonly rateLimit?: { readonly limit: number; readonly perMs: number; readonly burst: number };
      readonly expiresAt?: number;
      readonly createdAt: number;
      /** Told this once */
      readonly token: string;
    };
  };
  /** Takes a token back; other processes over the store notice within seconds. */
  readonly "DELETE /v1/tokens/{name}": {
    readonly params: { readonly name: string };
    readonly query: object;
    readonly body: undefined;
    readonly answer: { readonly revoked: string };
  };
  /** Trades a token for a session of the dashboard, which ends with the token and after twelve hours. */
  readonly "POST /v1/session": {
    readonly params: object;
    readonly query: object;
    readonly body: { readonly token: string };
    readonly answer: {
      readonly name: string;
      readonly scopes: readonly ("call" | "read" | "operate")[];
      /** Only these APIs */
      readonly apis?: readonly string[];
      readonly account?: string;
      /** When to sign in again; left out where nobody needs to */
      readonly expiresAt?: number;
      /** Send it as Holdfast-Token. Left out where it came as a cookie */
      readonly session?: string;
    };
  };
  /** Who asks, and what the token allows. */
  readonly "GET /v1/session": {
    readonly params: object;
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly name: string;
      readonly scopes: readonly ("call" | "read" | "operate")[];
      /** Only these APIs */
      readonly apis?: readonly string[];
      readonly account?: string;
    };
  };
  /** Ends the session that asks; a token that is none is left alone. */
  readonly "DELETE /v1/session": {
    readonly params: object;
    readonly query: object;
    readonly body: undefined;
    readonly answer: { readonly ended: boolean };
  };
  /** What fires now, the most urgent first. */
  readonly "GET /v1/alerts": {
    readonly params: object;
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly watching: boolean;
      readonly items: readonly {
        readonly rule: string;
        /** What it is about, such as `crm POST /contacts` */
        readonly subject: string;
        readonly tier: string;
        readonly since: number;
        /** In the rule's own unit */
        readonly value: number;
        readonly words: string;
      }[];
    };
  };
  /** Silences that have not ended, in the order in which they were made. */
  readonly "GET /v1/alerts/silences": {
    readonly params: object;
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        readonly id: string;
        /** Left out: every rule */
        readonly rule?: string;
        /** Whole, or up to a `*` at its end; left out: everything */
        readonly subject?: string;
        readonly until: number;
        readonly because: string;
        readonly by: string;
      }[];
      readonly next: string | null;
    };
  };
  /** Tells nobody of what it covers, for a while; what fires is seen all the same. */
  readonly "POST /v1/alerts/silences": {
    readonly params: object;
    readonly query: object;
    readonly body: {
      /** Left out: every rule */
      readonly rule?:
        | "error-rate"
        | "retry-rate"
        | "breaker-open"
        | "dead-letter-group"
        | "dead-letters"
        | "latency"
        | "throughput"
        | "exhausted"
        | "unauthorized"
        | "watermark-held"
        | "oldest-ready";
      /** `crm POST /contacts`, or up to a `*` at its end: `crm *`; left out: everything */
      readonly subject?: string;
      /** How long; a silence always ends */
      readonly for: number | string;
      /** Why; stands with the silence and in the audit log */
      readonly reason: string;
    };
    readonly answer: {
      readonly id: string;
      /** Left out: every rule */
      readonly rule?: string;
      /** Whole, or up to a `*` at its end; left out: everything */
      readonly subject?: string;
      readonly until: number;
      readonly because: string;
      readonly by: string;
    };
  };
  /** Ends a silence before its time. */
  readonly "DELETE /v1/alerts/silences/{id}": {
    readonly params: { readonly id: string };
    readonly query: object;
    readonly body: undefined;
    readonly answer: { readonly ended: string };
  };
  /** Sends a test to every sink of the config; each delivery is an operation of the queue. */
  readonly "POST /v1/alerts/test": {
    readonly params: object;
    readonly query: object;
    readonly body: undefined;
    readonly answer: { readonly items: readonly { readonly sink: string; readonly operation: string }[] };
  };
  /** What the history of attempts speaks for: rules, limits and times to set. */
  readonly "GET /v1/advice": {
    readonly params: object;
    readonly query: { readonly api?: string };
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        /** The same for the same advice, whatever its numbers */
        readonly id: string;
        readonly kind:
          | "permanent-error"
          | "rate-limit"
          | "breaker"
          | "retry-span"
          | "attempts"
          | "timeout"
          | "idempotency"
          | "nested-retries"
          | "dead-letters";
        readonly api: string;
        readonly endpoint?: string;
        readonly confidence: "high" | "medium" | "low";
        readonly title: string;
        /** Sentences with numbers */
        readonly evidence: readonly string[];
        readonly numbers: Readonly<Record<string, number>>;
        /** A line to paste, and where */
        readonly config?: { readonly under: string; readonly line: string };
        readonly command?: string;
        readonly caution?: string;
      }[];
      /** What it was drawn from */
      readonly basis: {
        readonly attempts: number;
        readonly endpoints: number;
        readonly since: number | null;
        readonly until: number | null;
      };
    };
  };
  /** Whom failures and waits concern, by a label, in numbers and in words. */
  readonly "GET /v1/impact": {
    readonly params: object;
    readonly query: { readonly label: string; readonly of?: string; readonly window?: string };
    readonly body: undefined;
    readonly answer: {
      readonly label: string;
      readonly of: string | null;
      readonly windowMs: number;
      readonly at: number;
      /** There was more than was looked at (the newest 3,000 of each kind) */
      readonly atLeast: boolean;
      readonly items: readonly {
        /** Null: operations without the label */
        readonly value: string | null;
        readonly waiting: {
          readonly count: number;
          readonly apis: readonly { readonly api: string; readonly count: number; readonly since: number; readonly because: string }[];
        };
        readonly needsPerson: {
          /** Open dead letters */
          readonly count: number;
          /** Of these nobody knows whether it happened */
          readonly unknown: number;
          readonly apis: readonly {
            readonly api: string;
            readonly count: number;
            readonly unknown: number;
            readonly firstAt: number;
            readonly lastAt: number;
          }[];
        };
        /** The same in a sentence */
        readonly text: string;
      }[];
      readonly next: null;
    };
  };
  /** Every sync of this store that has run, with its watermark. */
  readonly "GET /v1/syncs": {
    readonly params: object;
    readonly query: { readonly limit?: number; readonly after?: string };
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        readonly sync: string;
        readonly watermark: number | string | null;
        readonly kind: ("number" | "time" | "text") | null;
        readonly advancedAt: number | null;
        /** Since when the watermark has not moved although there was something to do */
        readonly heldSince: number | null;
        readonly remembered: number;
        readonly running: { readonly run: string; readonly since: number; readonly leaseUntil: number } | null;
        readonly lastRun: {
          readonly outcome: "complete" | "partial" | "failed" | "reset";
          readonly run?: string;
          readonly startedAt?: number;
          readonly endedAt: number;
          readonly read?: number;
          readonly done?: number;
          readonly known?: number;
          readonly failed?: number;
          readonly parked?: number;
          readonly watermark?: { readonly advanced: boolean; readonly blockedBy: readonly string[] };
          /** Those that are not done */
          readonly records?: readonly {
            readonly id: string;
            readonly cursor: number | string;
            readonly state: "failed" | "parked";
            readonly attempts: number;
            readonly rule: string;
            readonly because: string;
            readonly deadLetter?: string;
          }[];
          readonly error?: { readonly code: string; readonly message: string };
          readonly by?: string;
          readonly reason?: string;
        } | null;
        readonly resets: readonly {
          readonly at: number;
          readonly by: string;
          readonly reason: string;
          readonly from: number | string | null;
          readonly to: number | string | null;
        }[];
      }[];
      readonly next: string | null;
    };
  };
  /** One sync: its watermark, since when it is held, the records that hold it, and its resets. */
  readonly "GET /v1/syncs/{sync}": {
    readonly params: { readonly sync: string };
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly sync: string;
      readonly watermark: number | string | null;
      readonly kind: ("number" | "time" | "text") | null;
      readonly advancedAt: number | null;
      /** Since when the watermark has not moved although there was something to do */
      readonly heldSince: number | null;
      readonly remembered: number;
      readonly running: { readonly run: string; readonly since: number; readonly leaseUntil: number } | null;
      readonly lastRun: {
        readonly outcome: "complete" | "partial" | "failed" | "reset";
        readonly run?: string;
        readonly startedAt?: number;
        readonly endedAt: number;
        readonly read?: number;
        readonly done?: number;
        readonly known?: number;
        readonly failed?: number;
        readonly parked?: number;
        readonly watermark?: { readonly advanced: boolean; readonly blockedBy: readonly string[] };
        /** Those that are not done */
        readonly records?: readonly {
          readonly id: string;
          readonly cursor: number | string;
          readonly state: "failed" | "parked";
          readonly attempts: number;
          readonly rule: string;
          readonly because: string;
          readonly deadLetter?: string;
        }[];
        readonly error?: { readonly code: string; readonly message: string };
        readonly by?: string;
        readonly reason?: string;
      } | null;
      readonly resets: readonly {
        readonly at: number;
        readonly by: string;
        readonly reason: string;
        readonly from: number | string | null;
        readonly to: number | string | null;
      }[];
    };
  };
  /** Sets the watermark of a sync that does not run. */
  readonly "POST /v1/syncs/{sync}/reset": {
    readonly params: { readonly sync: string };
    readonly query: object;
    readonly body: {
      /** The new watermark, a time as ISO 8601; left out: everything is read again */
      readonly to?: number | string;
      readonly reason: string;
      /** Who asked for it, where the token does it for somebody else */
      readonly by?: string;
    };
    readonly answer: {
      readonly sync: string;
      readonly watermark: number | string | null;
      readonly kind: ("number" | "time" | "text") | null;
      readonly advancedAt: number | null;
      /** Since when the watermark has not moved although there was something to do */
      readonly heldSince: number | null;
      readonly remembered: number;
      readonly running: { readonly run: string; readonly since: number; readonly leaseUntil: number } | null;
      readonly lastRun: {
        readonly outcome: "complete" | "partial" | "failed" | "reset";
        readonly run?: string;
        readonly startedAt?: number;
        readonly endedAt: number;
        readonly read?: number;
        readonly done?: number;
        readonly known?: number;
        readonly failed?: number;
        readonly parked?: number;
        readonly watermark?: { readonly advanced: boolean; readonly blockedBy: readonly string[] };
        /** Those that are not done */
        readonly records?: readonly {
          readonly id: string;
          readonly cursor: number | string;
          readonly state: "failed" | "parked";
          readonly attempts: number;
          readonly rule: string;
          readonly because: string;
          readonly deadLetter?: string;
        }[];
        readonly error?: { readonly code: string; readonly message: string };
        readonly by?: string;
        readonly reason?: string;
      } | null;
      readonly resets: readonly {
        readonly at: number;
        readonly by: string;
        readonly reason: string;
        readonly from: number | string | null;
        readonly to: number | string | null;
      }[];
    };
  };
  /** Pipelines, with their newest runs (2,000 at most) counted by step. */
  readonly "GET /v1/pipelines": {
    readonly params: object;
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        readonly pipeline: string;
        /** Whether it is defined here, so that its dead letters can be replayed */
        readonly known: boolean;
        readonly runs: { readonly open: number; readonly succeeded: number; readonly failed: number };
        /** Whether there are older runs that were not counted */
        readonly more: boolean;
        readonly steps: readonly {
          readonly step: string;
          readonly done: number;
          readonly failed: number;
          /** Runs in which it is a dead letter */
          readonly parked: number;
          /** Runs that have not come to it, or are at it */
          readonly ahead: number;
          /** Steps that wait for it; left out where the pipeline is not known here */
          readonly waiting?: readonly string[];
        }[];
      }[];
      readonly next: string | null;
    };
  };
  /** One pipeline, counted likewise. */
  readonly "GET /v1/pipelines/{pipeline}": {
    readonly params: { readonly pipeline: string };
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly pipeline: string;
      /** Whether it is defined here, so that its dead letters can be replayed */
      readonly known: boolean;
      readonly runs: { readonly open: number; readonly succeeded: number; readonly failed: number };
      /** Whether there are older runs that were not counted */
      readonly more: boolean;
      readonly steps: readonly {
        readonly step: string;
        readonly done: number;
        readonly failed: number;
        /** Runs in which it is a dead letter */
        readonly parked: number;
        /** Runs that have not come to it, or are at it */
        readonly ahead: number;
        /** Steps that wait for it; left out where the pipeline is not known here */
        readonly waiting?: readonly string[];
      }[];
    };
  };
  /** Runs of a pipeline with every step, the last opened first. */
  readonly "GET /v1/pipelines/{pipeline}/runs": {
    readonly params: { readonly pipeline: string };
    readonly query: {
      readonly limit?: number;
      readonly after?: string;
      readonly subject?: string;
      readonly state?: "open" | "succeeded" | "failed";
    };
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        readonly id: string;
        readonly pipeline: string;
        readonly version: string;
        readonly subject: string;
        /** As JSON */
        readonly input: string;
        readonly state: "open" | "succeeded" | "failed";
        readonly openedAt: number;
        readonly endedAt?: number;
        readonly steps: readonly {
          readonly step: string;
          readonly state: "done" | "failed" | "parked";
          /** As JSON */
          readonly result?: string;
          /** Why: a stable code, and the numbers it was made from */
          readonly because?: {
            readonly code: string;
            readonly rule?: string;
            readonly attempt?: number;
            readonly maxAttempts?: number;
            readonly delayMs?: number;
            readonly hintMs?: number;
            readonly remainingMs?: number;
            readonly retryAfterMs?: number;
            readonly budget?: string;
            readonly detail?: string;
          };
          /** The dead letter or the operation that carries on with it */
          readonly operation?: string;
          readonly at: number;
        }[];
      }[];
      readonly next: string | null;
    };
  };
  /** One run, with every step and the dead letters that it waits for. */
  readonly "GET /v1/runs/{run}": {
    readonly params: { readonly run: string };
    readonly query: object;
    readonly body: undefined;
    readonly answer: {
      readonly id: string;
      readonly pipeline: string;
      readonly version: string;
      readonly subject: string;
      /** As JSON */
      readonly input: string;
      readonly state: "open" | "succeeded" | "failed";
      readonly openedAt: number;
      readonly endedAt?: number;
      readonly steps: readonly {
        readonly step: string;
        readonly state: "done" | "failed" | "parked";
        /** As JSON */
        readonly result?: string;
        /** Why: a stable code, and the numbers it was made from */
        readonly because?: {
          readonly code: string;
          readonly rule?: string;
          readonly attempt?: number;
          readonly maxAttempts?: number;
          readonly delayMs?: number;
          readonly hintMs?: number;
          readonly remainingMs?: number;
          readonly retryAfterMs?: number;
          readonly budget?: string;
          readonly detail?: string;
        };
        /** The dead letter or the operation that carries on with it */
        readonly operation?: string;
        readonly at: number;
      }[];
    };
  };
  /** The process answers. */
  readonly "GET /healthz": {
    readonly params: object;
    readonly query: object;
    readonly body: undefined;
    readonly answer: { readonly status: "ok" };
  };
  /** New work is taken. */
  readonly "GET /readyz": {
    readonly params: object;
    readonly query: object;
    readonly body: undefined;
    readonly answer: { readonly status: "ready" };
  };
  /** This document. */
  readonly "GET /openapi.json": {
    readonly params: object;
    readonly query: object;
    readonly body: undefined;
    readonly answer: string;
  };
}
