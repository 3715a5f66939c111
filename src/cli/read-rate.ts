import { InvalidArgumentError } from "commander";

/** `10/1s`, `50000/24h`: so many in so long. */
export function readRate(text: string): { readonly limit: number; readonly per: string } {
  const [, limit = "", amount = "1", unit = ""] = /^(\d+(?:\.\d+)?)\/(\d+(?:\.\d+)?)?(ms|s|m|h|d)$/.exec(text) ?? [];
  if (!(Number(limit) > 0) || !(Number(amount) > 0))
    throw new InvalidArgumentError("Give how many in how long, such as 10/1s or 50000/24h.");
  return { limit: Number(limit), per: `${amount}${unit}` };
}
