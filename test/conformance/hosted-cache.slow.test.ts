/** The slow twin: the mutants that the fast lane leaves out. */
import "./hosted-cache.test.ts";
