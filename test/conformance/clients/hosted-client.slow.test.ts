/** The slow twin: every mutant. */
import "./hosted-client.test.ts";
