// Preloaded with --import: writes each module that is loaded, and each built-in that is asked for, to stderr, one a line.
import { registerHooks } from "node:module";

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    process.stderr.write(`loaded ${resolved.url}\n`);
    return resolved;
  },
});

const getBuiltinModule = process.getBuiltinModule.bind(process);
process.getBuiltinModule = (id) => {
  process.stderr.write(`loaded ${id}\n`);
  return getBuiltinModule(id);
};
