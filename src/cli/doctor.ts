import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { formatMs } from "../core/duration.ts";
import { loadConfig, type LoadedConfig } from "./config-file.ts";
import { missingSecrets } from "./missing-secrets.ts";
import type { StoreOptions } from "./open-store.ts";
import { describeTarget, namedTarget, storeFactory, targetOf } from "./store-factory.ts";
import type { StoreTarget } from "../api/store-url.ts";

/** One thing that was looked at. */
export interface Finding {
  readonly level: "ok" | "warn" | "wrong";
  readonly about: string;
  readonly detail: string;
}

const LEAST_FREE_BYTES = 1_000_000_000;
const MOST_SKEW_MS = 5_000;
const PROBE_MS = 5_000;

/** Looks at all that a gateway or a worker needs. What cannot be looked at is a finding and not an error. */
export async function examine(options: StoreOptions & { readonly probe: boolean }): Promise<readonly Finding[]> {
  const findings: Finding[] = [nodeVersion()];
  let loaded: LoadedConfig | undefined;
  try {
    loaded = await loadConfig(options.config);
    findings.push(
      loaded === undefined
        ? { level: "warn", about: "config", detail: "there is none here; `holdfast config init` writes one to begin with" }
        : { level: "ok", about: "config", detail: `${loaded.file}: ${Object.keys(loaded.config.apis).length} APIs` },
    );
  } catch (error) {
    findings.push({ level: "wrong", about: "config", detail: textOf(error) });
  }
  if (loaded !== undefined) findings.push(...secrets(loaded));
  findings.push(...(await store(options.store, loaded)));
  if (options.probe && loaded !== undefined) findings.push(...(await upstreams(loaded)));
  return findings;
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const good = major > 22 || (major === 22 && minor >= 18);
  return { level: good ? "ok" : "wrong", about: "node", detail: `${process.version}${good ? "" : "; Holdfast needs 22.18 or later"}` };
}

function secrets({ config }: LoadedConfig): readonly Finding[] {
  return missingSecrets(config).map((detail) => ({ level: "wrong", about: "secret", detail }));
}

async function store(named: string | undefined, loaded: LoadedConfig | undefined): Promise<readonly Finding[]> {
  let target: StoreTarget;
  try {
    target = loaded === undefined || named !== undefined ? namedTarget(named ?? "holdfast.db") : targetOf(loaded);
  } catch (error) {
    return [{ level: "wrong", about: "store", detail: textOf(error) }];
  }
  if (target.kind === "memory") return [{ level: "warn", about: "store", detail: "memory: forgets everything with its process" }];
  const disk = target.kind === "sqlite" ? diskOf(target.path) : [];
  if (target.kind === "sqlite" && statSync(target.path, { throwIfNoEntry: false }) === undefined) {
    return [...disk, { level: "ok", about: "store", detail: `${target.path} is not there yet; the first to open it makes it` }];
  }
  try {
    const opened = await (await storeFactory(target))();
    try {
      const { faults, facts } = await opened.check();
      const { sqliteVersion, journalMode, serverVersion, schemaVersion, clockOffsetMs } = facts;
      const told = { sqliteVersion, journalMode, serverVersion, schemaVersion };
      const what = Object.entries(told).flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${String(value)}`]));
      const skew = typeof clockOffsetMs === "number" ? Math.abs(clockOffsetMs) : 0;
      return [
        ...disk,
        { level: "ok", about: "store", detail: [describeTarget(target), ...what].join(", ") },
        ...faults.map((detail): Finding => ({ level: "wrong", about: "store", detail })),
        ...(skew > MOST_SKEW_MS
          ? [
              {
                level: "warn",
                about: "clock",
                detail: `this machine and the database are ${formatMs(skew)} apart; see to its time service`,
              } as const,
            ]
          : []),
      ];
    } finally {
      await opened.close();
    }
  } catch (error) {
    return [...disk, { level: "wrong", about: "store", detail: `${describeTarget(target)}: ${textOf(error)}` }];
  }
}

function diskOf(path: string): readonly Finding[] {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    const free = bavail * bsize;
    const mode = statSync(path, { throwIfNoEntry: false })?.mode;
    return [
      ...(free < LEAST_FREE_BYTES
        ? [
            {
              level: "warn",
              about: "disk",
              detail: `${Math.floor(free / 1_000_000)} MB are free beside ${path}; a full disk stops the queue`,
            } as const,
          ]
        : []),
      ...(mode !== undefined && (mode & 0o077) !== 0 && process.platform !== "win32"
        ? [{ level: "warn", about: "store", detail: `others on this machine may read ${path}; chmod 600 it` } as const]
        : []),
    ];
  } catch (error) {
    return [{ level: "wrong", about: "disk", detail: textOf(error) }];
  }
}

/** Any answer will do: it is there. No credential goes along. */
async function upstreams({ config: { apis } }: LoadedConfig): Promise<readonly Finding[]> {
  return await Promise.all(
    Object.entries(apis).map(async ([name, { baseUrl }]): Promise<Finding> => {
      const about = `apis.${name}`;
      if (baseUrl === undefined) return { level: "ok", about, detail: "has no baseUrl to ask" };
      try {
        // oxlint-disable-next-line holdfast/clock-ports -- a look at the network, on real time
        const { status } = await fetch(baseUrl, { method: "HEAD", redirect: "manual", signal: AbortSignal.timeout(PROBE_MS) });
        return { level: "ok", about, detail: `${baseUrl} answered ${status}` };
      } catch (error) {
        return {
          level: "wrong",
          about,
          detail: `${baseUrl} cannot be reached: ${textOf(error instanceof Error ? (error.cause ?? error) : error)}`,
        };
      }
    }),
  );
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === "" ? ((error as { readonly code?: string }).code ?? error.name) : error.message;
}
