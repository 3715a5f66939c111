/** What the main job leaves behind, with its APIs mended, and a gateway over it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCli, type CliRun } from "../cli/holdfast.ts";
import { startDemo } from "../demo/demo.ts";
import { startGateway, type GatewayProcess } from "../gateway/gateway-process.ts";

export interface MainJob extends AsyncDisposable {
  readonly gateway: GatewayProcess;
}

/** Enough that every kind of dead letter is among them. */
const LEADS = 600;

export async function mainJob(): Promise<MainJob> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-browser-"));
  const ended = await startDemo(folder, "--leads", String(LEADS)).ended;
  if (ended.code !== 0) throw new Error(`the main job ended with ${ended.code}: ${ended.stderr}`);
  const mended = startCli(["demo", "--mended"], { cwd: folder });
  await saying(mended, "listening");
  const gateway = await startGateway({}, { folder, args: ["--config", join(folder, ".holdfast", "demo", "holdfast.config.mjs")] });
  return {
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      mended.child.kill("SIGTERM");
      await mended.ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function saying({ child, ended }: CliRun, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes(text)) resolve();
    });
    ended.then(({ stderr }) => reject(new Error(`it ended: ${stderr}`)), reject);
  });
}
