/** The published JSON Schema of the configuration file. */
import { z } from "zod";
import { settingKeys } from "./keys.ts";
import { getAt, isTree } from "./layers.ts";
import { settingsSchema } from "./schema.ts";

export function settingsJsonSchema(): object {
  const schema = z.toJSONSchema(settingsSchema, { io: "input", unrepresentable: "any" });
  const { properties, ...rest } = schema;
  for (const { key, byPlatform } of settingKeys) {
    const declared = getAt(properties, key.replaceAll(".", ".properties."));
    if (byPlatform && isTree(declared)) delete declared["default"];
  }
  return {
    ...rest,
    title: "Configuration of branchcached and branchcache",
    properties: { $schema: { type: "string" }, ...properties },
  };
}
