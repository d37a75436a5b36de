#!/usr/bin/env node
import { keepCompiledCode } from "./programs/compile-cache.ts";

keepCompiledCode();
const [{ branchcachedProgram }, { runProgram }] = await Promise.all([
  import("./programs/branchcached.ts"),
  import("./programs/run-program.ts"),
]);
await runProgram(branchcachedProgram(), process.argv);
