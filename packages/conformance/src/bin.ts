#!/usr/bin/env node
/** The command of the kit. */
import { endWithReader } from "@branchcache/runtime/node";
import { conformanceProgram, runProgram } from "./command/program.ts";

endWithReader();
await runProgram(conformanceProgram(), process.argv);
