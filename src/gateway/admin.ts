import type { Random } from "../ports/random.ts";
import type { AppParts } from "./app.ts";
import { AuditLog } from "./audit.ts";
import { documentsOf } from "./documents.ts";
import { LimitHolds } from "./limit-holds.ts";
import { LaneHolds } from "./lane-holds.ts";
import { Sessions } from "./sessions.ts";
import { TokenBook } from "./token-book.ts";

/** What the routes share beside the engine. */
export interface Admin {
  readonly audit: AuditLog;
  readonly tokens: TokenBook;
  readonly sessions: Sessions;
  readonly holds: LaneHolds;
  readonly limits: LimitHolds;
  readonly random: Random;
  /** Reads from the store what other processes may have changed. */
  readonly look: () => Promise<void>;
}

export function adminOf({ hf, store, clock, randomBytes, authenticator }: AppParts): Admin {
  const documents = documentsOf(store);
  const random = (): number => Buffer.from(randomBytes(4)).readUInt32LE() / 2 ** 32;
  const tokens = new TokenBook(documents, clock, randomBytes);
  const sessions = new Sessions(documents, clock, randomBytes, authenticator);
  const holds = new LaneHolds(hf, documents, clock);
  const limits = new LimitHolds(hf, documents, clock);
  return {
    audit: new AuditLog(documents, clock, random),
    tokens,
    sessions,
    holds,
    limits,
    random,
    look: async () => {
      authenticator.replace("store", await tokens.entries());
      await sessions.look();
      await holds.look();
      await limits.look();
    },
  };
}
