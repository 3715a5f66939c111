/**
 * One page of a listing. A page may be shorter than the limit that was asked for, for instance where bodies are large;
 * only `next: null` means that nothing follows.
 */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** Give it back as `after` to get the next page; `null` at the end. */
  readonly next: string | null;
}

/** Which page is wanted. */
export interface PageRequest {
  /** Items at most; at least one. */
  readonly limit: number;
  /** The `next` of the page before. Good only for the listing that gave it. */
  readonly after?: string;
}
