import { StoreError } from "../../core/errors.ts";
import type { PageRequest } from "../../ports/page.ts";

/** A page ends early once its bodies weigh this much, so that a listing of large requests stays in bounds. */
export const PAGE_BYTES: number = 8 * 1024 * 1024;

/** Packs the sort key of the last item that was shown. `listing` keeps one listing's cursor out of another. */
export function encodeCursor(listing: string, position: readonly number[]): string {
  return [listing, ...position].join("_");
}

/**
 * The sort key in `page.after`, of as many numbers as the listing sorts by; undefined on the first page. Anything that is not
 * a cursor of this listing is refused.
 */
export function decodeCursor<Position extends readonly number[]>(
  listing: string,
  page: PageRequest,
  length: Position["length"],
): Position | undefined {
  if (page.after === undefined) return undefined;
  const [name, ...parts] = page.after.split("_");
  const position = parts.map(Number);
  const fits = name === listing && parts.length === length && parts.every((part) => part !== "") && position.every(Number.isFinite);
  if (fits) return position as readonly number[] as Position;
  throw new StoreError(`${JSON.stringify(page.after)} is not a cursor of this listing; give back the "next" of its last page as it was`);
}

/** How many items a page may have. */
export function pageLimit(page: PageRequest): number {
  if (Number.isInteger(page.limit) && page.limit >= 1) return page.limit;
  throw new StoreError(`a page's limit is a whole number from 1 up, not ${String(page.limit)}`);
}
