import type { CursorKind, CursorValue } from "../../policy/watermark/cursor.ts";

/** What a source is told of the run that reads it. */
export interface SourceContext {
  /** The first cursor to give, inclusive; undefined: everything. What lies before it is passed over. */
  readonly from: CursorValue | undefined;
  /** The last cursor to give, inclusive, fixed when the run began; undefined where nobody could say. */
  readonly ceiling: CursorValue | undefined;
  /** When the run began; by the wall clock. */
  readonly startedAt: Date;
  /** `hf.fetch(api)`: under all limits and retries of that API. */
  readonly fetch: (api: string) => typeof globalThis.fetch;
  /** Aborts when the run is to end. */
  readonly signal: AbortSignal;
}

/** A cursor value and the record's own id, which tells the records of a tie apart. */
export type RecordCursor = readonly [value: CursorValue, id: string | number];

/** A source that gives its records in pages, which is faster than one by one. */
export interface PagedSource<Item> {
  pages(context: SourceContext): AsyncIterable<readonly Item[]> | Iterable<readonly Item[]>;
  /** The last cursor there is now. */
  ceiling?(context: Omit<SourceContext, "ceiling">): Promise<CursorValue | undefined> | CursorValue | undefined;
  /** For sources that know it of their records. */
  cursor?(record: Item): RecordCursor;
  /** `time`: numbers that `cursor` gives are milliseconds since 1970. */
  readonly kind?: CursorKind;
}

/** Gives records by ascending cursor: one by one, or in pages. */
export type SyncSource<Item> = ((context: SourceContext) => AsyncIterable<Item> | Iterable<Item>) | PagedSource<Item>;

const PAGE = 500;

/** Any source as one of pages. */
export function paged<Item>(source: SyncSource<Item>): PagedSource<Item> {
  if (typeof source !== "function") return source;
  return { pages: (context) => gathered(source(context)) };
}

/**
 * Records one by one as they come: each is a page of its own, since one that waits for others would be written late. What is there
 * already comes in pages.
 */
async function* gathered<Item>(records: AsyncIterable<Item> | Iterable<Item>): AsyncGenerator<readonly Item[], void, undefined> {
  if (Symbol.asyncIterator in records) {
    for await (const record of records) yield [record];
    return;
  }
  let page: Item[] = [];
  for (const record of records) {
    page.push(record);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  yield page;
}
