import { spawn, type ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryRoot, temporaryFolder } from "../../scripts/tools.ts";
import { signWebhook } from "../../src/policy/webhook/standard-webhooks.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const EVENTS = 12;

let folder: string;
const running = new Set<ChildProcess>();

beforeAll(() => {
  folder = temporaryFolder("commissions");
});

afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Service {
  readonly child: ChildProcess;
  readonly url: string;
  readonly ended: Promise<unknown>;
}

async function start(): Promise<Service> {
  const source = join(repositoryRoot, "test", "docs", "harness", "source-package.mjs");
  const child = spawn(process.execPath, ["--import", source, join(repositoryRoot, "examples", "commission-webhook.ts")], {
    env: { ...process.env, BILLING_WEBHOOK_SECRET: SECRET, PORT: "0", FILES: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  const ended = new Promise((resolve) => child.once("exit", resolve)).finally(() => running.delete(child));
  const line = await new Promise<string>((resolve) => child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString())));
  const { port } = JSON.parse(line.slice(line.indexOf("{"))) as { readonly port: number };
  return { child, url: `http://127.0.0.1:${port}/in/billing`, ended };
}

async function deliver(url: string, event: number): Promise<number> {
  const body = JSON.stringify({ type: "invoice.paid", data: { seller: `seller-${event % 2}`, amount_cents: 1_000 } });
  const signed = await signWebhook({ id: `evt_${event}`, now: Date.now(), body, secrets: [SECRET] });
  try {
    return (await fetch(url, { method: "POST", body, headers: { ...signed, "content-type": "application/json" } })).status;
  } catch {
    return 0;
  }
}

function balances(): readonly unknown[] {
  const db = new DatabaseSync(join(folder, "commissions.db"), { readOnly: true, timeout: 5_000 });
  try {
    return db
      .prepare("SELECT seller, cents FROM balance ORDER BY seller")
      .all()
      .map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

describe("examples/commission-webhook.ts", () => {
  it("pays each commission once, however often billing sends, and whenever the process is killed", async () => {
    const first = await start();
    const answers = await Promise.all(Array.from({ length: EVENTS * 3 }, (_, index) => deliver(first.url, index % EVENTS)));
    expect(new Set(answers)).toEqual(new Set([200]));
    first.child.kill("SIGKILL");
    await first.ended;

    // What it had acknowledged is done by the next one; what billing sends once more is not.
    const second = await start();
    for (let event = 0; event < EVENTS; event += 1) expect(await deliver(second.url, event)).toBe(200);
    const each = (EVENTS / 2) * 100;
    const whole = [
      { seller: "seller-0", cents: each },
      { seller: "seller-1", cents: each },
    ];
    await expect.poll(balances, { timeout: 50_000, interval: 200 }).toEqual(whole);
    expect((await fetch(second.url, { method: "POST", body: "{}" })).status).toBe(401);
    second.child.kill("SIGTERM");
    await second.ended;
    expect(balances()).toEqual(whole);
  });
});
