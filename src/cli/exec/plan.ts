import { profiles } from "../../api/profiles.ts";
import { durationMs, type Duration } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";
import { shown } from "../../core/shown.ts";
import { resolveCallPolicy, type CallPolicy } from "../../engine/call-policy.ts";
import { schedule } from "../../policy/backoff/backoff.ts";

/** What the command line says of one run. */
export interface ExecOptions {
  readonly name: string;
  readonly schedule?: string;
  readonly timeout?: string;
  readonly grace: string;
  readonly permanent?: string;
  readonly transient?: string;
}

/** How a command is run: what the code reads. */
export interface ExecPlan {
  readonly name: string;
  readonly policy: CallPolicy;
  /** Of each attempt, ms; the last repeats. */
  readonly timeoutsMs: readonly number[];
  /** From TERM to KILL. */
  readonly graceMs: number;
  /** What an exit code other than 0 means. */
  readonly classify: (code: number) => "permanent" | "transient";
}

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;
/** The shell's own: found but cannot be run, and not found. No retry makes them run. */
const CANNOT_RUN = [126, 127];

/**
 * Completes the options from the profile `job`. A schedule has one wait for each attempt, that before the first included:
 * `0,30s,90s,180s` are four attempts, the first at once.
 */
export function planExec(options: ExecOptions): ExecPlan {
  const { name } = options;
  if (!NAME.test(name)) {
    throw new ConfigError({
      path: "--name",
      message: `--name ${shown(name)} is no name; give letters, digits, "_", "." and "-", at most 64 of them`,
    });
  }
  const job = profiles.job;
  const waits = options.schedule === undefined ? undefined : list(options.schedule, "--schedule");
  const attempt = options.timeout === undefined ? job.timeout?.attempt : list(options.timeout, "--timeout");
  const policy = resolveCallPolicy(
    {
      maxAttempts: waits?.length ?? (job.retry?.maxAttempts as number),
      backoff: waits === undefined ? (job.retry?.backoff as Duration[]) : schedule(waits, "--schedule"),
      ...(attempt === undefined ? {} : { timeout: { attempt } }),
    },
    { retry: "--schedule ", timeout: "--timeout ", rest: "--" },
  );
  const permanent = codes(options.permanent, "--permanent");
  const transient = codes(options.transient, "--transient");
  const both = permanent?.find((code) => transient?.includes(code));
  if (both !== undefined) {
    throw new ConfigError({ path: "--transient", message: `the exit code ${both} stands under --permanent and under --transient` });
  }
  return {
    name,
    // The schedule bounds it; a run of four attempts of ten minutes each is what was asked for.
    policy: Object.freeze({
      ...policy,
      attemptTimeoutsMs: [Number.POSITIVE_INFINITY],
      totalMs: Number.POSITIVE_INFINITY,
      cutAtTotal: false,
    }),
    timeoutsMs: policy.attemptTimeoutsMs,
    graceMs: durationMs(plain(options.grace), "--grace"),
    classify(code) {
      if (permanent?.includes(code) === true) return "permanent";
      if (transient?.includes(code) === true) return "transient";
      // Who lists what is worth a retry has said that the rest is not.
      if (transient !== undefined) return "permanent";
      return CANNOT_RUN.includes(code) ? "permanent" : "transient";
    },
  };
}

function list(text: string, path: string): readonly Duration[] {
  const parts = text.split(",").map((part) => plain(part.trim()));
  for (const [index, part] of parts.entries()) durationMs(part, `${path} (place ${index + 1})`);
  return parts;
}

/** On a command line 0 needs no unit. */
function plain(text: string): Duration {
  return text === "0" ? 0 : (text as Duration);
}

function codes(text: string | undefined, path: string): readonly number[] | undefined {
  return text?.split(",").map((part) => {
    const code = Number(part);
    if (/^\d+$/.test(part.trim()) && code >= 1 && code <= 255) return code;
    throw new ConfigError({ path, message: `${path} has ${shown(part)}; give exit codes from 1 to 255, with commas between them` });
  });
}
