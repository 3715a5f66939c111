// node --experimental-vm-modules bare-context.mjs FILE: evaluates a module and what it imports in a context that has
// what browsers, workers and Node share, and nothing that only Node has. Prints the names that the module exports.
import { readFileSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import vm from "node:vm";

const SHARED = [
  ...["AbortController", "AbortSignal", "Event", "EventTarget", "DOMException", "MessageChannel", "BroadcastChannel"],
  ...["fetch", "Headers", "Request", "Response", "FormData", "Blob", "File", "URL", "URLSearchParams"],
  ...["ReadableStream", "WritableStream", "TransformStream", "TextEncoder", "TextDecoder", "TextDecoderStream", "TextEncoderStream"],
  ...["crypto", "performance", "structuredClone", "queueMicrotask", "console", "atob", "btoa"],
  ...["setTimeout", "clearTimeout", "setInterval", "clearInterval"],
];
const context = vm.createContext(Object.fromEntries(SHARED.map((name) => [name, globalThis[name]])));
const modules = new Map();

function load(url) {
  const known = modules.get(url);
  if (known !== undefined) return known;
  const source = readFileSync(fileURLToPath(url), "utf8");
  const module = new vm.SourceTextModule(source, {
    context,
    identifier: url,
    initializeImportMeta: (meta) => (meta.url = url),
    importModuleDynamically: (specifier) => link(specifier, { identifier: url }),
  });
  modules.set(url, module);
  return module;
}

function link(specifier, { identifier }) {
  if (!specifier.startsWith(".")) throw new Error(`${identifier} imports ${specifier}, which only Node can find`);
  return load(new URL(specifier, identifier).href);
}

const [file] = process.argv.slice(2);
const entry = load(pathToFileURL(isAbsolute(file) ? file : resolve(file)).href);
await entry.link(link);
await entry.evaluate();
console.log(Object.keys(entry.namespace).join("\n"));
