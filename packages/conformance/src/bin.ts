#!/usr/bin/env node
/** The command of the kit. */
import { conformanceProgram, runProgram } from "./command/program.ts";

await runProgram(conformanceProgram(), process.argv);
