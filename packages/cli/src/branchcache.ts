#!/usr/bin/env node
import { keepCompiledCode } from "./programs/compile-cache.ts";

keepCompiledCode();
const [{ addCompletion }, { branchcacheProgram }, { runProgram }] = await Promise.all([
  import("./programs/completion.ts"),
  import("./programs/branchcache.ts"),
  import("./programs/run-program.ts"),
]);
await runProgram(addCompletion(branchcacheProgram()), process.argv);
