import { uuidv7 } from "../engine/uuid.ts";
import type { Clock } from "../ports/clock.ts";
import type { DocumentStore } from "../ports/document-store.ts";
import type { Page, PageRequest } from "../ports/page.ts";
import type { Random } from "../ports/random.ts";

/** One action of an operator: who, what, when, why, and how it went. */
export interface AuditEntry {
  readonly id: string;
  /** Wall-clock milliseconds. */
  readonly at: number;
  /** The token's name. */
  readonly who: string;
  /** The address that it came from. */
  readonly client: string;
  /** What was done, by the id of its route or command. */
  readonly action: string;
  /** What it was done to: the path. */
  readonly target: string;
  readonly why?: string;
  /** What was asked for, but for bodies of requests. */
  readonly details?: unknown;
  /** `begun` stays where the process ended in the middle of it. */
  readonly outcome: "begun" | "done" | `failed: ${string}`;
}

const KIND = "audit";

/** The log of what operators did. An action is written down before it is done, so that none goes by unseen. */
export class AuditLog {
  readonly #documents: DocumentStore;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(documents: DocumentStore, clock: Clock, random: Random) {
    this.#documents = documents;
    this.#clock = clock;
    this.#random = random;
  }

  /** Writes the action down, does it, and writes down how it went. `failure` reads a result that is a refusal. */
  async around<Result>(
    what: Omit<AuditEntry, "id" | "at" | "outcome">,
    act: () => Promise<Result>,
    failure: (result: Result) => string | undefined = () => undefined,
  ): Promise<Result> {
    const at = this.#clock.now();
    const id = uuidv7(at, this.#random);
    const write = async (revision: number, outcome: AuditEntry["outcome"]): Promise<void> => {
      const body = JSON.stringify({ ...what, id, at, outcome } satisfies AuditEntry);
      await this.#documents.write([{ kind: KIND, id, revision, body, now: this.#clock.now() }]);
    };
    await write(0, "begun");
    try {
      const result = await act();
      const failed = failure(result);
      await write(1, failed === undefined ? "done" : `failed: ${failed}`);
      return result;
    } catch (error) {
      await write(1, `failed: ${error instanceof Error ? error.message.slice(0, 300) : "unknown"}`);
      throw error;
    }
  }

  /** Oldest first. */
  async list(page: PageRequest): Promise<Page<AuditEntry>> {
    const { items, next } = await this.#documents.list(KIND, page);
    return { items: items.map(({ body }) => JSON.parse(body) as AuditEntry), next };
  }
}
