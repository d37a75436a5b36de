import { spawnSync } from "node:child_process";
import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StoreError } from "@branchcache/cache-store/lmdb";
import { errorCode } from "@branchcache/runtime";
import { recordingObserver } from "@branchcache/runtime/testing";
import { open } from "lmdb";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { sealedBlock, segmentOf } from "../helpers/content.mjs";
import { openStores } from "../helpers/temporary.ts";

const OPEN_AS_NOBODY = fileURLToPath(new URL("../helpers/open-as-nobody.mjs", import.meta.url));
const isRoot = process.getuid?.() === 0;

async function failureOf(path: string) {
  const observer = recordingObserver();
  const error = await openStores(path, { observer }).then(
    () => undefined,
    (reason: StoreError) => reason,
  );
  return { code: error?.code, message: error?.message, path: error?.path, observer };
}

/** All files and directories below, with who owns them. */
async function ownersOf(path: string): Promise<Readonly<Record<string, string>>> {
  const names = ["", ...(await readdir(path, { recursive: true }))].sort();
  const owners = names.map(async (name) => {
    const { uid, gid } = await stat(join(path, name));
    return [name, `${uid}:${gid}`] as const;
  });
  return Object.fromEntries(await Promise.all(owners));
}

it.skipIf(!isRoot)("what root does to a service's store leaves it the service's, files and all", async () => {
  const parent = await temporaryDirectory();
  const [path, target] = [join(parent, "cache"), join(parent, "moved")];
  await mkdir(path);
  await chown(path, 65534, 65534);
  const { blocks, secrets, compact, moveTo, close } = await openStores(path);
  const fill = async (n: number) => {
    await blocks.putBlock(segmentOf(n), 0, sealedBlock(n, 0));
    await secrets.put(segmentOf(n).id, new Uint8Array(32).fill(n));
    await blocks.flush();
  };
  await fill(1);
  const made = await ownersOf(path);
  expect(Object.keys(made)).toEqual(
    expect.arrayContaining([
      "data.mdb",
      "lock.mdb",
      "reserve",
      "blocks",
      "blocks/00000001.blocks",
      "secrets",
    ]),
  );
  await compact();
  const compacted = await ownersOf(path);
  await moveTo(target);
  await fill(2);
  const moved = await ownersOf(target);
  await close();
  for (const owners of [made, compacted, moved, await ownersOf(target)])
    expect(new Set(Object.values(owners)), JSON.stringify(owners)).toEqual(new Set(["65534:65534"]));
});

describe("bad surroundings", () => {
  it("a file where the directory should be", async () => {
    const file = join(await temporaryDirectory(), "file");
    await writeFile(file, "");
    const { code, message, observer } = await failureOf(file);
    expect([code, message]).toEqual(["BC_STORE_PATH", `${file}: not a directory`]);
    expect(observer.named("cache.path_unusable").map(({ fields }) => fields["path"])).toEqual([file]);
  });

  it("a file in the middle of the path", async () => {
    const file = join(await temporaryDirectory(), "file");
    await writeFile(file, "");
    const { code, message } = await failureOf(join(file, "cache"));
    expect([code, message]).toEqual([
      "BC_STORE_PATH",
      `${file}/cache: a part of the path is not a directory`,
    ]);
  });

  it("too long a path", async () => {
    const path = join(await temporaryDirectory(), "x".repeat(300));
    const { code, message } = await failureOf(path);
    expect([code, message]).toEqual(["BC_STORE_PATH", `${path}: the path is too long`]);
  });

  it("a link that leads to itself", async () => {
    const path = join(await temporaryDirectory(), "loop");
    await symlink(path, path);
    expect((await failureOf(path)).code).toBe("BC_STORE_PATH");
  });

  it("a directory where the data file should be", async () => {
    const path = await temporaryDirectory();
    await mkdir(join(path, "data.mdb"));
    const { code, message } = await failureOf(path);
    expect([code, message]).toEqual(["BC_STORE_PATH", `${join(path, "data.mdb")}: not a file`]);
  });

  it("secrets among the blocks", async () => {
    const path = await temporaryDirectory();
    const failure = await openStores(path, { secretsPath: `${path}/.` }).catch(errorCode);
    expect(failure).toBe("BC_STORE_INVALID");
  });

  it("a secrets directory that is none: nothing stays open", async () => {
    const path = await temporaryDirectory();
    await writeFile(join(path, "secrets"), "");
    const { code, path: named } = await failureOf(path);
    expect([code, named]).toEqual(["BC_STORE_PATH", join(path, "secrets")]);
  });

  // Root may do anything, so a root's test asks a process of somebody else.
  it("no permission", async () => {
    const path = join(await temporaryDirectory(), "closed");
    await mkdir(path, { mode: 0o500 });
    if (isRoot) {
      const run = spawnSync(process.execPath, [OPEN_AS_NOBODY, path], { encoding: "utf8" });
      expect(JSON.parse(run.stdout)).toEqual([
        "BC_STORE_PATH",
        `${path}: no permission to read and write here`,
      ]);
    } else {
      const { code, message } = await failureOf(path);
      expect([code, message]).toEqual(["BC_STORE_PATH", `${path}: no permission to read and write here`]);
    }
  });

  it("no permission for the data file only", async () => {
    const path = await temporaryDirectory();
    const file = join(path, "data.mdb");
    await writeFile(file, "", { mode: 0o400 });
    const expected = ["BC_STORE_PATH", `${file}: no permission to read and write here`];
    if (isRoot) {
      await chmod(path, 0o777);
      const run = spawnSync(process.execPath, [OPEN_AS_NOBODY, path], { encoding: "utf8" });
      expect(JSON.parse(run.stdout)).toEqual(expected);
    } else {
      const { code, message } = await failureOf(path);
      expect([code, message]).toEqual(expected);
    }
  });

  it("a valid environment of something else is left alone", async () => {
    const path = await temporaryDirectory();
    const foreign = open({ path, noSubdir: false });
    await foreign.put("theirs", 1);
    await foreign.close();
    const before = await readFile(join(path, "data.mdb"));
    const { code, message } = await failureOf(path);
    expect([code, message]).toEqual([
      "BC_STORE_VERSION",
      `${path}: holds an LMDB environment of something else`,
    ]);
    expect(before.equals(await readFile(join(path, "data.mdb")))).toBe(true);
  });

  it("another format version is left alone", async () => {
    const path = await temporaryDirectory();
    const future = open({ path, noSubdir: false, encoding: "binary", keyEncoding: "binary" });
    await future.put(new TextEncoder().encode("branchcache-format"), Uint8Array.of(99));
    await future.close();
    const { code, message } = await failureOf(path);
    expect(code).toBe("BC_STORE_VERSION");
    expect(message).toBe(`${path}: written in format 99, this program reads formats 1 to 3`);
  });
});
