#!/usr/bin/env node
import { branchcachedProgram } from "./programs/branchcached.ts";
import { runProgram } from "./run.ts";

await runProgram(branchcachedProgram(), process.argv);
