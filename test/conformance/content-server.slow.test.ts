/** The slow twin: the mutants that the fast lane leaves out. */
import "./content-server.test.ts";
