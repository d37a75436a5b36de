/** The slow twin: the ways that the fast lane leaves out. */
import "./hosted-ways.test.ts";
