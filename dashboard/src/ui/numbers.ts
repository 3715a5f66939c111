/** Counts and shares as people read them. */

const WHOLE = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** `1,204`; from a hundred thousand on `124.5K`. */
export function count(value: number): string {
  return value < 100_000 ? WHOLE.format(value) : SHORT.format(value);
}

/** `0%`, `<0.1%`, `2.4%`, `31%`. */
export function share(ratio: number): string {
  const percent = ratio * 100;
  if (percent === 0) return "0%";
  if (percent < 0.1) return "<0.1%";
  return `${percent < 10 ? percent.toFixed(1).replace(/\.0$/, "") : Math.round(percent)}%`;
}

/** Per second, or per minute where that is less than one a second. */
export function rate(counted: number, overMs: number): { readonly value: string; readonly unit: string } {
  const perSecond = overMs <= 0 ? 0 : (counted / overMs) * 1_000;
  if (perSecond === 0 || perSecond >= 1)
    return { value: perSecond >= 100 ? count(Math.round(perSecond)) : perSecond.toFixed(1).replace(/\.0$/, ""), unit: "/s" };
  return { value: (perSecond * 60).toFixed(1).replace(/\.0$/, ""), unit: "/min" };
}

export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}
