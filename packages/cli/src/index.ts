/** The package is its two commands; this is their version, and what packages for systems are made of. */
export { settingsJsonSchema } from "./config/json-schema.ts";
export { manualPages } from "./manual/pages.ts";
export { observationReference } from "./manual/reference.ts";
export { EVENTS, type EventDeclaration } from "./telemetry/event-table.ts";
export { METRICS, type MetricDeclaration } from "./telemetry/metric-table.ts";
export { version } from "./version.ts";
