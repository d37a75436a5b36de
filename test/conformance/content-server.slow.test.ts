/** The slow twin: every mutant. */
import "./content-server.test.ts";
