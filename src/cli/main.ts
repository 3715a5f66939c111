#!/usr/bin/env node
import { exitCodes } from "./exit-codes.ts";
import { runCli } from "./program.ts";

// `holdfast dlq list | head` closes the pipe when it has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.ok.code);
  throw error;
});

await runCli(process.argv.slice(2));
