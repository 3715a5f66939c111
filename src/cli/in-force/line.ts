import type { ProfileName } from "../../api/profiles.ts";

/** One option as it holds, in words, and who said so. */
export interface InForce {
  readonly option: string;
  readonly value: string;
  readonly from: "config" | "default" | `profile ${ProfileName}`;
}

/** What holds for one part of the config, such as `apis.crm` or `gateway`. */
export interface Section {
  readonly name: string;
  readonly inForce: readonly InForce[];
}

/** An option without a profile: the config's, else the default. */
export function line(option: string, given: unknown, value: string | number | boolean | undefined): InForce {
  return { option, value: value === undefined ? "none" : String(value), from: given === undefined ? "default" : "config" };
}
