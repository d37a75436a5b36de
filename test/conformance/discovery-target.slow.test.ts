/** The slow twin: every mutant. */
import "./discovery-target.test.ts";
