#!/usr/bin/env node
import { addCompletion } from "./completion.ts";
import { branchcacheProgram } from "./programs/branchcache.ts";
import { runProgram } from "./run.ts";

await runProgram(addCompletion(branchcacheProgram()), process.argv);
