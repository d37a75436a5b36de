#!/usr/bin/env node
import { keepCompiledCode } from "./compile-cache.ts";

keepCompiledCode();
const [{ branchcachedProgram }, { runProgram }] = await Promise.all([
  import("./programs/branchcached.ts"),
  import("./run.ts"),
]);
await runProgram(branchcachedProgram(), process.argv);
