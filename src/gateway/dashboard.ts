import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The files of the dashboard, as they are answered. */
export interface Dashboard {
  /** What stands at a path: an asset, or the page that shows itself by its path; undefined where there is nothing. */
  answer(pathname: string): Response | undefined;
}

/** `dist/dashboard` of the package, and of a source checkout that has built it. */
export const DASHBOARD_FOLDER: string = fileURLToPath(new URL("../../dist/dashboard", import.meta.url));

/** The first segment of each page's path. What is behind it is the page's own affair. */
const PAGES: ReadonlySet<string> = new Set([
  "",
  "lanes",
  "operations",
  "dead-letters",
  "replays",
  "syncs",
  "pipelines",
  "alerts",
  "advice",
  "audit",
]);

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Nothing runs or is loaded that is not a file of ours, and nothing is sent elsewhere. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Named after a hash of what is in it, so it never changes. */
const ASSET = /^\/assets\/[\w.-]+-[\w-]{8}\.\w+$/;

/** Reads the built dashboard once; where it has not been built, pages say how to do that. */
export function openDashboard(folder: string = DASHBOARD_FOLDER): Dashboard {
  const files = new Map(filesIn(folder).map((name) => [`/${name}`, { bytes: readFileSync(join(folder, name)), type: typeOf(name) }]));
  const page = files.get("/index.html");
  return {
    answer(pathname) {
      const file = pathname === "/index.html" ? undefined : files.get(pathname);
      if (file !== undefined) {
        const headers = {
          "content-type": file.type,
          "cache-control": ASSET.test(pathname) ? "public, max-age=31536000, immutable" : "no-cache",
        };
        return new Response(file.bytes, { headers });
      }
      if (!PAGES.has(pathname.split("/")[1] ?? "")) return undefined;
      if (page === undefined) return new Response(NOT_BUILT, { status: 503, headers: { "content-type": "text/plain; charset=utf-8" } });
      return new Response(page.bytes, {
        headers: { "content-type": page.type, "content-security-policy": PAGE_POLICY, "cache-control": "no-cache" },
      });
    },
  };
}

const NOT_BUILT = `The dashboard is not built here. In a source checkout: npm run dashboard
`;

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(folder.length + 1)
          .replaceAll("\\", "/"),
      );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function typeOf(name: string): string {
  return TYPES[extname(name)] ?? "application/octet-stream";
}
