/**
 * Durations counted in classes that grow by a quarter, so that a quantile read from the counts is off by an eighth at most, and counts
 * of several processes can be added up. The last class has no end.
 */
const GROWTH = Math.log(1.25);
/** Up to about twenty minutes. */
const CLASSES = 64;

/** The class of a duration. */
export function classOf(durationMs: number): number {
  return durationMs <= 1 ? 0 : Math.min(CLASSES - 1, Math.ceil(Math.log(durationMs) / GROWTH));
}

/** A duration in the middle of a class. */
function middleOf(index: number): number {
  const ms = Math.exp((index - 0.5) * GROWTH);
  return ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms);
}

/** The duration that so large a part of what was counted does not exceed; null where nothing was counted. */
export function quantile(counts: readonly (number | undefined)[], part: number): number | null {
  const total = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  if (total === 0) return null;
  let left = Math.ceil(total * part);
  for (const [index, count = 0] of counts.entries()) {
    left -= count;
    if (left <= 0) return middleOf(index);
  }
  return middleOf(counts.length - 1);
}
