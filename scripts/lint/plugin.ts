/** Holdfast's own lint rules, for oxlint's `jsPlugins`. What they enforce stands in `layers.ts`. */
import { browserSafe } from "./rules/browser-safe.ts";
import { clockPorts } from "./rules/clock-ports.ts";
import { importLayers } from "./rules/import-layers.ts";
import type { Rule } from "./syntax.ts";

const plugin: { meta: { name: string }; rules: Record<string, Rule> } = {
  meta: { name: "holdfast" },
  rules: { "browser-safe": browserSafe, "clock-ports": clockPorts, "import-layers": importLayers },
};

export default plugin;
