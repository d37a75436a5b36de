#!/usr/bin/env node
import { keepCompiledCode } from "./compile-cache.ts";

keepCompiledCode();
const [{ addCompletion }, { branchcacheProgram }, { runProgram }] = await Promise.all([
  import("./completion.ts"),
  import("./programs/branchcache.ts"),
  import("./run.ts"),
]);
await runProgram(addCompletion(branchcacheProgram()), process.argv);
