/** The slow twin: every mutant. */
import "./retrieval-server.test.ts";
