/** The slow twin: every mutant. */
import "./retrieval-client.test.ts";
