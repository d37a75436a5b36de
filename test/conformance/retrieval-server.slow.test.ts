/** The slow twin: the mutants that the fast lane leaves out. */
import "./retrieval-server.test.ts";
