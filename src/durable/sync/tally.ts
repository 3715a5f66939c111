import { shownCursor } from "../../policy/watermark/cursor.ts";
import { MOST_RECORDS, type UnfinishedRecord } from "./report.ts";
import type { Written } from "./write-batch.ts";

/** What a run has counted so far. */
export class Tally {
  read = 0;
  done = 0;
  known = 0;
  failed = 0;
  parked = 0;
  readonly records: UnfinishedRecord[] = [];

  /** A record that is not done, with its last verdict. */
  unfinished(state: "failed" | "parked", { item, verdict, attempts }: Written, deadLetter?: string): void {
    this[state] += 1;
    if (this.records.length >= MOST_RECORDS) return;
    this.records.push({
      id: item.id,
      cursor: shownCursor(item.cursor),
      state,
      attempts: attempts.length,
      rule: verdict.rule,
      because: verdict.because,
      ...(deadLetter === undefined ? {} : { deadLetter }),
    });
  }

  get counts(): { readonly read: number; readonly done: number; readonly known: number; readonly failed: number; readonly parked: number } {
    const { read, done, known, failed, parked } = this;
    return { read, done, known, failed, parked };
  }
}
