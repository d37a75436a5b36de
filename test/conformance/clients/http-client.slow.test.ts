/** The slow twin: every mutant. */
import "./http-client.test.ts";
