import type { Plan } from "./plan.ts";
import type { Stretch } from "./story-clock.ts";
import type { ApiName } from "./weather.ts";

/** What the process of the APIs is told; first of all to take its lock, which it holds as long as it may write to a ledger. */
export type ApisRequest =
  | { readonly type: "lock"; readonly lockFile: string }
  | {
      readonly type: "start";
      readonly stretch: Stretch;
      readonly plan: Plan;
      /** `mended`: nothing goes wrong any more. */
      readonly weather: "bad" | "mended";
      readonly apis: readonly ApiStart[];
    }
  | { readonly type: "report" };

export interface ApiStart {
  readonly name: ApiName;
  readonly ledgerFile: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly seed: number;
}

/** What it tells. */
export type ApisAnswer =
  | { readonly type: "locked" }
  | { readonly type: "ready"; readonly ports: Readonly<Record<ApiName, number>> }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "report"; readonly apis: Readonly<Record<ApiName, UpstreamReport>> };

/** What one API's ledger says: the truth that the main job is held against. */
export interface UpstreamReport {
  /** Requests by lead, at the API's main endpoint. */
  readonly attempts: readonly (readonly [lead: string, count: number])[];
  /** Effects by lead, at the same. */
  readonly effects: readonly (readonly [lead: string, count: number])[];
  /** How its requests ended: by status, or `reset`, `cut`, `hung`. */
  readonly endings: Readonly<Record<string, number>>;
  /** Requests at other endpoints: look-ups, tokens. */
  readonly others: Readonly<Record<string, number>>;
  /** How often each misbehaviour was met, by its name in the script. */
  readonly misbehaved: Readonly<Record<string, number>>;
}
