/** What `get` is to fetch: each URL with the file that it becomes and the digest that this must have. */
import { access, mkdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { BranchCacheError, errorMessage } from "@branchcache/runtime";

export interface GetPlanOptions {
  readonly output?: string;
  readonly directory?: string;
  readonly input?: string;
  readonly sha256?: string;
  readonly sha256Sums?: string;
}

export interface Wanted {
  readonly url: string;
  /** `-` for standard output. */
  readonly target: string;
  /** Lower case; undefined where none was named. */
  readonly sha256: string | undefined;
}

/** Throws `BC_USAGE` for what cannot be meant. */
export async function planGet(
  named: readonly string[],
  { output, directory, input, sha256, sha256Sums }: GetPlanOptions,
): Promise<readonly Wanted[]> {
  const urls = [...named, ...(input === undefined ? [] : await listedUrls(input))];
  if (urls.length === 0) throw new BranchCacheError("BC_USAGE", "no URL named");
  if (urls.length > 1 && output !== undefined) {
    throw new BranchCacheError("BC_USAGE", "--output names one file: use --directory for several URLs");
  }
  if (urls.length > 1 && sha256 !== undefined) {
    throw new BranchCacheError("BC_USAGE", "--sha256 is of one file: use --sha256-sums for several URLs");
  }
  if (directory !== undefined) await makeDirectory(directory);
  const digests = sha256Sums === undefined ? undefined : await readSums(sha256Sums);
  const wanted: Wanted[] = [];
  for (const url of urls) {
    const target = output ?? join(directory ?? "", fileNameOf(url));
    if (wanted.some((other) => other.target === target)) {
      throw new BranchCacheError("BC_USAGE", `two of the URLs would become ${target}`);
    }
    if (output === undefined) await refuseExisting(target);
    wanted.push({ url, target, sha256: sha256 ?? (digests && digestOf(target, digests, sha256Sums)) });
  }
  return wanted;
}

/** One a line; empty lines and those that begin with # are none. */
async function listedUrls(input: string): Promise<readonly string[]> {
  const listed = input === "-" ? await text(process.stdin) : await readNamed("--input", input);
  return listed
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** As `sha256sum` writes them. */
async function readSums(file: string): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const [i, line] of (await readNamed("--sha256-sums", file)).split("\n").entries()) {
    if (line.trim() === "") continue;
    const [, digest, name] = /^([0-9a-f]{64}) [ *](.+)$/i.exec(line.trimEnd()) ?? [];
    if (digest === undefined || name === undefined) {
      throw new BranchCacheError("BC_USAGE", `${file}, line ${i + 1}: not a line as sha256sum writes it`);
    }
    digests.set(basename(name), digest.toLowerCase());
  }
  return digests;
}

function digestOf(target: string, digests: ReadonlyMap<string, string>, file: string | undefined): string {
  const digest = digests.get(basename(target));
  if (digest === undefined)
    throw new BranchCacheError("BC_USAGE", `${file} has no digest of ${basename(target)}`);
  return digest;
}

async function readNamed(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new BranchCacheError("BC_USAGE", `${option}: ${errorMessage(error)}`, { cause: error });
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (cause) {
    const message = `--directory: cannot make ${directory} (${errorMessage(cause)})`;
    throw new BranchCacheError("BC_USAGE", message, { cause });
  }
}

function fileNameOf(url: string): string {
  let name: string;
  try {
    name = decodeURIComponent(new URL(url).pathname.split("/").at(-1) ?? "");
  } catch {
    throw new BranchCacheError("BC_USAGE", `${url} is no URL`);
  }
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) {
    throw new BranchCacheError("BC_USAGE", "the URL names no file: use -o FILE");
  }
  return name;
}

/** What was not named is not overwritten. */
async function refuseExisting(path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists)
    throw new BranchCacheError("BC_USAGE", `${path} exists already: name it with -o to overwrite it`);
}
