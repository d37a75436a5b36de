/**
 * Decoders compiled from the Kaitai Struct definitions under `protocol-specs`: they have no line in common with
 * ours, so where both read the same out of the same bytes, a slip in one of them would show.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runInThisContext } from "node:vm";
import KaitaiStructCompiler from "kaitai-struct-compiler";
import { parse } from "yaml";

export const specsFolder: string = fileURLToPath(new URL("../../protocol-specs", import.meta.url));

const require = createRequire(import.meta.url);
const KaitaiStream = require("kaitai-struct/KaitaiStream") as new (
  bytes: Uint8Array,
) => {
  readonly pos: number;
};

type Decoder = new (
  stream: InstanceType<typeof KaitaiStream>,
  parent: null,
  root: null,
  ...params: unknown[]
) => object;

const definitions: ReadonlyMap<string, unknown> = new Map(
  readdirSync(specsFolder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ksy"))
    .map((path) => [basename(path, ".ksy"), parse(readFileSync(join(specsFolder, path), "utf8"))]),
);

/** Names of all definitions, without the ending. */
export const definitionNames: readonly string[] = [...definitions.keys()].sort();

const className = (name: string) =>
  name.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const compiled = new Map<string, Promise<Decoder>>();

function decoder(name: string): Promise<Decoder> {
  let found = compiled.get(name);
  if (found === undefined) {
    found = compile(name);
    compiled.set(name, found);
  }
  return found;
}

async function compile(name: string): Promise<Decoder> {
  const importer = { importYaml: async (imported: string) => definitions.get(imported) };
  const sources = await KaitaiStructCompiler.compile("javascript", definitions.get(name), importer, false);
  const modules = new Map<string, Record<string, Decoder>>();
  const load = (file: string): Record<string, Decoder> => {
    let exports = modules.get(file);
    if (exports === undefined) {
      exports = {};
      modules.set(file, exports);
      const wrapper = runInThisContext(`(function (exports, require) {${sources[file]}\n})`, {
        filename: file,
      });
      wrapper(exports, (wanted: string) =>
        wanted.startsWith("./") ? load(`${wanted.slice(2)}.js`) : require(wanted),
      );
    }
    return exports;
  };
  const found = load(`${className(name)}.js`)[className(name)];
  if (found === undefined) throw new Error(`${name}: nothing compiled`);
  return found;
}

/** What a structure holds: bytes as hexadecimal digits, enumerations by name, fields in camel case. */
export type Fields = { readonly [name: string]: unknown };

/** Reads all of `bytes`; throws where they do not fit the definition, or something is left over. */
export async function readByDefinition(
  name: string,
  bytes: Uint8Array,
  ...params: unknown[]
): Promise<Fields> {
  const Decoder = await decoder(name);
  const stream = new KaitaiStream(bytes);
  const read = new Decoder(stream, null, null, ...params);
  if (stream.pos < bytes.length) throw new Error(`${name}: bytes left over from ${stream.pos} on`);
  return plain(read) as Fields;
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([field]) => !field.startsWith("_"));
  return Object.fromEntries(fields.map(([field, content]) => [field, plain(content)]));
}
