import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";

import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { createLogger } from "../src/lib/logger.js";
import { createStorage, type Storage } from "../src/lib/storage.js";
import { startFakeS3, type FakeS3 } from "./support/s3.js";

const signal = new AbortController().signal;
const JSON_TYPE = "application/json";
const LIMITS = { stallMs: 100, attempts: 3, firstPauseMs: 1 };

let logged: string[] = [];
const log = createLogger({}, (line) => logged.push(line));

async function readAll(storage: Storage, key: string): Promise<string> {
  return text((await storage.open(key, signal)).read());
}

describe("local storage", () => {
  let folder: string;
  let root: string;
  let storage: Storage;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "batch-storage-"));
    root = path.join(folder, "root");
    storage = createStorage({ mode: "local", directory: root }, log);
    await writeFile(path.join(folder, "secret.csv"), "secret");
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("writes below its folder and reads it again", async () => {
    const file = await storage.write("imports/users.csv", "email\n", JSON_TYPE, signal);
    expect(await readFile(file, "utf8")).toBe("email\n");
    expect(await readAll(storage, "imports/users.csv")).toBe("email\n");
    const copy = await storage.writeFile("results/copy.csv", file, "text/csv", signal);
    expect(await readFile(copy, "utf8")).toBe("email\n");
  });

  test.each(["../secret.csv", "imports/../../secret.csv", "/etc/passwd", ".", "../root2/x"])(
    "refuses the key %s",
    async (key) => {
      const message = "leads out of LOCAL_STORAGE_DIR";
      await expect(storage.open(key, signal)).rejects.toThrow(message);
      await expect(storage.write(key, "x", JSON_TYPE, signal)).rejects.toThrow(message);
    },
  );

  test("refuses a link that leads out", async () => {
    await symlink(folder, path.join(root, "out"));
    const message = "leads out of LOCAL_STORAGE_DIR";
    await expect(storage.open("out/secret.csv", signal)).rejects.toThrow(message);
    await expect(storage.write("out/new.csv", "x", JSON_TYPE, signal)).rejects.toThrow(message);
  });

  test("says what to do about a missing file", async () => {
    const message = /no such file; put it there or correct INPUT_S3_KEY/;
    await expect(storage.open("imports/none.csv", signal)).rejects.toThrow(message);
  });

  test("refuses a file that changed since it was opened", async () => {
    const file = await storage.write("imports/changing.csv", "email\n", JSON_TYPE, signal);
    const input = await storage.open("imports/changing.csv", signal);
    expect(input.bytes).toBe(6);
    expect(await text(input.read())).toBe("email\n");
    await writeFile(file, "email,name\n");
    await expect(text(input.read())).rejects.toThrow("changed while it was read");
  });
});

describe("S3 storage", () => {
  let s3: FakeS3;
  let storage: Storage;

  beforeAll(async () => {
    s3 = await startFakeS3();
    vi.stubEnv("AWS_ENDPOINT_URL", s3.endpoint);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    storage = createStorage(
      {
        mode: "s3",
        region: "ap-northeast-1",
        inputBucket: "in",
        outputBucket: "out",
        pathStyle: true,
      },
      log,
      LIMITS,
    );
  });
  afterAll(async () => {
    storage.close();
    vi.unstubAllEnvs();
    await s3.close();
  });
  beforeEach(() => {
    s3.reset();
    logged = [];
  });

  test("reads from the input bucket and writes to the output bucket", async () => {
    s3.objects.set("/in/imports/佐藤 users.csv", "email\n");
    expect(await readAll(storage, "imports/佐藤 users.csv")).toBe("email\n");
    const name = await storage.write("results/1.json", "{}", JSON_TYPE, signal);
    expect(name).toBe("s3://out/results/1.json");
    expect(s3.objects.get("/out/results/1.json")).toBe("{}");
  });

  test("reads a version once more, and refuses another one", async () => {
    s3.objects.set("/in/a.csv", "email\n");
    const input = await storage.open("a.csv", signal);
    expect(await text(input.read())).toBe("email\n");
    expect(await text(input.read())).toBe("email\n");
    expect(s3.gets.map((get) => get.ifMatch !== undefined)).toEqual([false, true]);
    s3.objects.set("/in/a.csv", "other\n");
    await expect(text(input.read())).rejects.toThrow(
      "read s3://in/a.csv: it changed while it was read; run the import again",
    );
  });

  test("reads an empty object", async () => {
    s3.objects.set("/in/empty.csv", "");
    expect(await readAll(storage, "empty.csv")).toBe("");
  });

  describe("when a connection breaks", () => {
    const body = Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`).join("");
    beforeEach(() => {
      s3.objects.set("/in/a.csv", body);
    });

    test.each(["cut", "reset", "stall"] as const)("%s: goes on where it was", async (how) => {
      s3.fault = (n) => (n <= 5 ? { after: 50_000, how } : undefined);
      expect(await readAll(storage, "a.csv")).toBe(body);
      expect(s3.gets).toHaveLength(6);
      expect(s3.gets[1]).toMatchObject({ status: 206, range: "bytes=50000-" });
      expect(logged.join("")).toContain("broke off, going on after byte 50000");
    });

    test("gives up after some attempts in a row without a byte", async () => {
      s3.fault = (n) => ({ after: n === 1 ? 1000 : 0, how: "stall" });
      await expect(readAll(storage, "a.csv")).rejects.toThrow(
        `read s3://in/a.csv: broke off after byte 1000 of ${body.length}: no answer for 0.1 s; gave up after 3 more attempts`,
      );
      expect(s3.gets).toHaveLength(4);
    });

    test("refuses to go on with another version", async () => {
      s3.fault = () => {
        s3.objects.set("/in/a.csv", body.toUpperCase());
        return { after: 1000, how: "cut" };
      };
      await expect(readAll(storage, "a.csv")).rejects.toThrow("changed while it was read");
      expect(s3.gets).toHaveLength(2);
    });

    test("says that it was deleted", async () => {
      s3.fault = () => {
        s3.objects.delete("/in/a.csv");
        return { after: 1000, how: "cut" };
      };
      await expect(readAll(storage, "a.csv")).rejects.toThrow("read s3://in/a.csv: no such object");
    });

    test("stops at once when it is told to", async () => {
      const controller = new AbortController();
      s3.fault = () => ({ after: 1000, how: "stall" });
      const input = await storage.open("a.csv", controller.signal);
      const reading = text(input.read());
      controller.abort(new Error("interrupted"));
      await expect(reading).rejects.toThrow("interrupted");
    });
  });

  test("names a missing object and says what to do", async () => {
    await expect(storage.open("imports/none.csv", signal)).rejects.toThrow(
      "read s3://in/imports/none.csv: no such object; upload it (aws s3 cp <file> s3://in/imports/none.csv) or correct INPUT_S3_KEY",
    );
  });

  test("names the permission that a refused write needs, and does not repeat it", async () => {
    let writes = 0;
    s3.refuseWrites = () => (writes += 1) > 0;
    const refused =
      /^write s3:\/\/out\/results\/2\.json: access denied; the job's role needs s3:PutObject/;
    const file = path.join(import.meta.dirname, "storage.test.ts");
    await expect(storage.writeFile("results/2.json", file, "text/csv", signal)).rejects.toThrow(
      refused,
    );
    expect(writes).toBe(1);
    await expect(storage.write("results/2.json", "{}", JSON_TYPE, signal)).rejects.toThrow(refused);
  });

  test("writes a file with its length and checksum", async () => {
    const file = path.join(import.meta.dirname, "storage.test.ts");
    await storage.writeFile("results/3.csv", file, "text/csv", signal);
    expect(s3.objects.get("/out/results/3.csv")).toBe(await readFile(file, "utf8"));
  });
});
