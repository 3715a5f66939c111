import { durationMs, type Duration } from "../../core/duration.ts";
import { ConfigError, NotFoundError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";
import { uuidv7 } from "../../engine/uuid.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DocumentStore } from "../../ports/document-store.ts";
import type { Random } from "../../ports/random.ts";
import { collect } from "../documents.ts";
import { firingOf, type AlertState } from "./alert.ts";
import { RULE_NAMES, type AlertRuleName } from "./rules.ts";
import type { Silence } from "./silence.ts";

/** What is not to be told for a while. */
export interface SilenceOptions {
  /** @default every rule */
  readonly rule?: AlertRuleName;
  /** `crm POST /contacts`, or up to a `*` at its end: `crm *`. @default everything */
  readonly subject?: string;
  readonly for: Duration;
  readonly because: string;
  readonly by: string;
}

/** Alerts and silences as they stand in the store, whichever process watches. */
export class AlertBook {
  readonly #documents: DocumentStore;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor({ documents, clock, random }: { readonly documents: DocumentStore; readonly clock: Clock; readonly random: Random }) {
    this.#documents = documents;
    this.#clock = clock;
    this.#random = random;
  }

  /** What fires, the most urgent first, as the processes that watch have last written it. */
  async firing(): Promise<readonly AlertState[]> {
    const kept = await collect(this.#documents, "alert");
    return firingOf(kept.map(({ body }) => (JSON.parse(body) as { readonly state: AlertState }).state));
  }

  /** Those that have not ended. */
  async silences(): Promise<readonly Silence[]> {
    const now = this.#clock.now();
    return (await collect(this.#documents, "silence")).map(({ body }) => JSON.parse(body) as Silence).filter(({ until }) => until > now);
  }

  /** @throws ConfigError */
  async silence(options: SilenceOptions): Promise<Silence> {
    refuseUnknown(options, ["rule", "subject", "for", "because", "by"], "silence");
    const { rule, subject, because, by } = options;
    if (rule !== undefined && !RULE_NAMES.includes(rule)) refuse("rule", `is ${shown(rule)}; give one of ${RULE_NAMES.join(", ")}`);
    if (subject !== undefined && (typeof subject !== "string" || subject === "")) refuse("subject", `is ${shown(subject)}; give a subject`);
    if (typeof because !== "string" || because.trim() === "") refuse("because", "is missing; say why, for whoever wonders");
    if (typeof by !== "string" || by.trim() === "") refuse("by", "is missing; say who");
    const forMs = durationMs(options.for, "silence.for");
    if (forMs === 0) refuse("for", "is 0; a silence lasts, and ends");
    const now = this.#clock.now();
    const silence: Silence = {
      id: uuidv7(now, this.#random),
      ...(rule === undefined ? {} : { rule }),
      ...(subject === undefined ? {} : { subject }),
      until: now + forMs,
      because,
      by,
    };
    await this.#documents.write([{ kind: "silence", id: silence.id, revision: 0, body: JSON.stringify(silence), now }]);
    return silence;
  }

  /** Ends a silence before its time. @throws NotFoundError */
  async endSilence(id: string): Promise<void> {
    const [document] = await this.#documents.read([{ kind: "silence", id }]);
    if (document === undefined) throw new NotFoundError(`there is no silence ${id}; list them with \`holdfast alerts silences\``);
    const now = this.#clock.now();
    await this.#documents.write([{ kind: "silence", id, revision: document.revision, body: null, now }]);
  }
}

function refuse(name: keyof SilenceOptions, problem: string): never {
  throw new ConfigError({ path: `silence.${name}`, message: `silence.${name} ${problem}` });
}
