/** What holds a call back. */
export type Hold = "permit" | "breaker" | "probe" | "ramp" | "rate";

/**
 * Whether it is waited for until the deadline: a permit, and a probe under way. What ends that wait is the outcome of another call, which
 * nobody knows the time of; a rate token, an open breaker and a ramp are waited for as long as `maxWait` says.
 */
export function isPatient(by: Hold): boolean {
  return by === "permit" || by === "probe";
}
