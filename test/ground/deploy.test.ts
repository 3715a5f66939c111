import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/tools.ts";

const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");
const manifest = JSON.parse(read("package.json")) as {
  readonly engines: { readonly node: string };
  readonly bin: { readonly holdfast: string };
};

describe("deploy/Dockerfile", () => {
  /** Instructions, with lines that go on joined. */
  const lines = read("deploy/Dockerfile")
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const of = (word: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1).trim());

  test("has two stages of a Node that the package takes, and the last one has no npm cache nor sources", () => {
    const stages = of("FROM");
    expect(stages).toHaveLength(2);
    const least = Number(/\d+/.exec(manifest.engines.node)?.[0]);
    for (const stage of stages) expect(Number(/^node:(\d+)-slim/.exec(stage)?.[1])).toBeGreaterThanOrEqual(least);
    const last = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
    expect(last.some((line) => line.startsWith("RUN npm"))).toBe(false);
    expect(last.filter((line) => line.startsWith("COPY ")).every((line) => line.startsWith("COPY --from="))).toBe(true);
  });

  test("runs as a user without rights, with one place to write to, and says how it is", () => {
    expect(of("USER")).toEqual(["node"]);
    expect(of("VOLUME")).toEqual(["/var/lib/holdfast"]);
    expect(of("WORKDIR").at(-1)).toBe("/var/lib/holdfast");
    expect(of("HEALTHCHECK")).toEqual([expect.stringContaining("/healthz") as string]);
    expect(of("STOPSIGNAL")).toEqual(["SIGTERM"]);
    expect(of("ADD")).toEqual([]);
  });

  test("takes no secret, runs no script of a package, and starts the file that the package names, as a process of its own", () => {
    expect([...of("ARG"), ...of("ENV")].filter((line) => /token|secret|passw|key/i.test(line))).toEqual([]);
    for (const line of of("RUN").filter((one) => one.includes("npm install"))) expect(line).toContain("--ignore-scripts");
    expect(of("ENTRYPOINT")).toEqual([
      JSON.stringify(["node", `/opt/holdfast/node_modules/holdfast/${manifest.bin.holdfast}`]).replaceAll(",", ", "),
    ]);
    expect(JSON.parse(of("CMD").at(-1) as string)).toEqual(expect.arrayContaining(["serve", "--config"]));
  });
});

describe("deploy/holdfast.service", () => {
  const unit = read("deploy/holdfast.service");
  const settings = new Map([...unit.matchAll(/^([A-Za-z]+)=(.*)$/gm)].map(([, name, value]) => [name as string, value as string]));

  test("gives the process no rights that it does not need", () => {
    for (const name of [
      "NoNewPrivileges",
      "ProtectHome",
      "PrivateTmp",
      "PrivateDevices",
      "ProtectKernelModules",
      "LockPersonality",
      "DynamicUser",
    ]) {
      expect([name, settings.get(name)]).toEqual([name, "yes"]);
    }
    expect(settings.get("ProtectSystem")).toBe("strict");
    expect(settings.get("UMask")).toBe("0077");
    expect(settings.get("StateDirectoryMode")).toBe("0700");
  });

  test("lets it end, be reloaded, and come back", () => {
    expect(Number(/^(\d+)s$/.exec(settings.get("TimeoutStopSec") ?? "")?.[1])).toBeGreaterThan(20);
    expect(settings.get("ExecReload")).toContain("-HUP");
    expect(settings.get("Restart")).toBe("on-failure");
  });

  const analyze = spawnSync("systemd-analyze", ["--version"]);
  test.skipIf(analyze.status !== 0)("is good to systemd, where there is one", () => {
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", join(repositoryRoot, "deploy", "holdfast.service")], {
      encoding: "utf8",
    });
    expect([status, stderr.split("\n").filter((line) => line.includes("holdfast.service"))]).toEqual([0, []]);
  });
});
