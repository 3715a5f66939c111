import { spawn } from "node:child_process";
import { systemClock } from "../../adapters/clock/system.ts";
import { retry } from "../../client/retry.ts";
import { ConfigError } from "../../core/errors.ts";
import { signWebhook } from "../../policy/webhook/standard-webhooks.ts";

/** What is told at the end of a run. */
export interface ExecNotice {
  readonly type: "exec.succeeded" | "exec.failed";
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>> & { readonly run: string };
}

/** Where the secret stands that webhooks are signed with. */
export const SECRET_VARIABLE = "HOLDFAST_NOTIFY_SECRET";

/** Tells somebody how a run ended: an address gets a signed webhook, anything else is a command of the shell. */
export async function notify(target: string, notice: ExecNotice): Promise<void> {
  if (/^https?:\/\//.test(target)) await post(target, notice);
  else await tellCommand(target, notice);
}

/** Refuses what would only fail at the end. */
export function checkNotify(target: string): void {
  if (/^https?:\/\//.test(target) && (process.env[SECRET_VARIABLE] ?? "") === "") {
    throw new ConfigError({
      path: "--notify",
      message: `--notify sends a webhook, which is signed: put the secret (whsec_…) into ${SECRET_VARIABLE}`,
    });
  }
}

async function post(url: string, notice: ExecNotice): Promise<void> {
  const body = JSON.stringify(notice);
  const secrets = [process.env[SECRET_VARIABLE] ?? ""];
  await retry(
    async ({ signal }) => {
      const signed = await signWebhook({ id: notice.data.run, now: systemClock.now(), body, secrets, path: SECRET_VARIABLE });
      const headers = { "content-type": "application/json", ...signed };
      const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
      await response.body?.cancel();
      // With its status, so that a 400 is not tried again.
      if (!response.ok) throw Object.assign(new Error(`${url} answered ${response.status}`), { status: response.status });
    },
    { maxAttempts: 5, backoff: { base: "1s", cap: "30s" }, timeout: { attempt: "10s", total: "2m" } },
  );
}

/** The notice on stdin, and what a line of shell wants of it in the environment. */
function tellCommand(command: string, notice: ExecNotice): Promise<void> {
  const { name, state, run } = notice.data as { readonly name?: string; readonly state?: string; readonly run: string };
  const env = { ...process.env, HOLDFAST_NAME: name, HOLDFAST_STATE: state, HOLDFAST_RUN: run };
  return new Promise((resolve, reject) => {
    const child = spawn(command, { shell: true, stdio: ["pipe", "inherit", "inherit"], env });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`the command of --notify ended with ${signal ?? code}`));
    });
    // One that does not read its input is no fault.
    child.stdin.on("error", () => undefined);
    child.stdin.end(JSON.stringify(notice));
  });
}
