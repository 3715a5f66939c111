import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));

/** Has a process make so many calls of an API; answers their statuses. `coordinator`: "store", or "redis URL PREFIX". */
export async function startCalling(store: string, api: string, count: number, coordinator: string = "store"): Promise<readonly number[]> {
  const calling = spawn(process.execPath, [CHILD, store, api, String(count), coordinator], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  calling.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = (await once(calling, "close")) as [number | null];
  if (code !== 0) throw new Error(`a process that calls ended with the code ${code}`);
  return JSON.parse(said) as number[];
}
