// Completes package-lock.json with the builds for other platforms that the registry in use did not offer.
//
// Native tools (oxlint, oxc-parser…) name one optional package per platform. Where a registry mirrors only some of them,
// npm leaves the others out of the lockfile, and `npm ci` then refuses that lockfile everywhere. An entry needs the
// version, which the tool pins exactly, and the platform, which is in the name; only the checksum stays unknown, and a
// later `npm install` against the full registry fills it in. npm runs this after each change of node_modules (script
// "dependencies"); on a complete lockfile it does nothing.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

if (import.meta.main ?? process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = fileURLToPath(new URL("../package-lock.json", import.meta.url));
  const lockfile = JSON.parse(readFileSync(path, "utf8"));
  const missing = missingPlatformPackages(lockfile);
  if (missing.length > 0) {
    for (const { name, entry } of missing) lockfile.packages[`node_modules/${name}`] = entry;
    const byPath = Object.entries(lockfile.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
    writeFileSync(path, `${JSON.stringify({ ...lockfile, packages: Object.fromEntries(byPath) }, null, 2)}\n`);
    process.stderr.write(`holdfast: added ${missing.length} packages for other platforms to package-lock.json\n`);
  }
}

/**
 * The optional packages that some locked package names and the lockfile does not hold.
 * @param {{ packages: Record<string, { dev?: boolean, optionalDependencies?: Record<string, string> }> }} lockfile
 * @returns {{ name: string, entry: Record<string, unknown> }[]}
 */
export function missingPlatformPackages({ packages }) {
  const missing = [];
  for (const [path, { dev, optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (path === "" || isLocked(packages, path, name)) continue;
      missing.push({ name, entry: inNpmsOrder({ version, ...platformOf(name), ...(dev ? { dev } : {}), optional: true }) });
    }
  }
  return missing;
}

/** Looks a package up the way Node does: beside the one that asks, then in each folder above. */
function isLocked(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`] !== undefined) return true;
    if (folder === "") return false;
  }
}

/** As npm would write it, so that the next install does not move lines about. */
function inNpmsOrder({ version, ...rest }) {
  return { version, ...Object.fromEntries(Object.entries(rest).sort(([a], [b]) => a.localeCompare(b, "en"))) };
}

/** `@oxlint/binding-linux-arm64-musl` → os linux, cpu arm64, libc musl. */
function platformOf(name) {
  const words = name.split("/").at(-1).split("-");
  const os = words.find((word) => SYSTEMS.includes(word));
  const cpu = words.find((word) => PROCESSORS.includes(word));
  if (os === undefined || cpu === undefined) throw new Error(`cannot tell from its name for which platform ${name} is`);
  const libc = words.some((word) => word.startsWith("musl")) ? "musl" : words.some((word) => word.startsWith("gnu")) ? "glibc" : undefined;
  return { cpu: [cpu], ...(os === "linux" && libc ? { libc: [libc] } : {}), os: [os] };
}
