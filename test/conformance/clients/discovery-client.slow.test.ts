/** The slow twin: every mutant. */
import "./discovery-client.test.ts";
