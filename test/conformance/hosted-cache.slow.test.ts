/** The slow twin: every mutant. */
import "./hosted-cache.test.ts";
