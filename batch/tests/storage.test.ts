import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { createStorage, type Storage } from "../src/lib/storage.js";
import { startFakeS3, type FakeS3 } from "./support/s3.js";

const signal = new AbortController().signal;

describe("local storage", () => {
  let folder: string;
  let root: string;
  let storage: Storage;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "batch-storage-"));
    root = path.join(folder, "root");
    storage = createStorage({ mode: "local", directory: root });
    await writeFile(path.join(folder, "secret.csv"), "secret");
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("writes below its folder and reads it again", async () => {
    const file = await storage.write("imports/users.csv", "email\n");
    expect(await readFile(file, "utf8")).toBe("email\n");
    expect(await text(await storage.read("imports/users.csv", signal))).toBe("email\n");
  });

  test.each(["../secret.csv", "imports/../../secret.csv", "/etc/passwd", ".", "../root2/x"])(
    "refuses the key %s",
    async (key) => {
      const message = "leads out of LOCAL_STORAGE_DIR";
      await expect(storage.read(key, signal)).rejects.toThrow(message);
      await expect(storage.write(key, "x")).rejects.toThrow(message);
    },
  );

  test("refuses a link that leads out", async () => {
    await symlink(folder, path.join(root, "out"));
    const message = "leads out of LOCAL_STORAGE_DIR";
    await expect(storage.read("out/secret.csv", signal)).rejects.toThrow(message);
    await expect(storage.write("out/new.csv", "x")).rejects.toThrow(message);
  });

  test("says what to do about a missing file", async () => {
    const message = /no such file; put it there or correct INPUT_S3_KEY/;
    await expect(storage.read("imports/none.csv", signal)).rejects.toThrow(message);
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
    storage = createStorage({
      mode: "s3",
      region: "ap-northeast-1",
      inputBucket: "in",
      outputBucket: "out",
      pathStyle: true,
    });
  });
  afterAll(async () => {
    storage.close();
    vi.unstubAllEnvs();
    await s3.close();
  });

  test("reads from the input bucket and writes to the output bucket", async () => {
    s3.objects.set("/in/imports/佐藤 users.csv", "email\n");
    expect(await text(await storage.read("imports/佐藤 users.csv", signal))).toBe("email\n");
    expect(await storage.write("results/1.json", "{}")).toBe("s3://out/results/1.json");
    expect(s3.objects.get("/out/results/1.json")).toBe("{}");
  });

  test("names a missing object and says what to do", async () => {
    await expect(storage.read("imports/none.csv", signal)).rejects.toThrow(
      "read s3://in/imports/none.csv: no such object; upload it (aws s3 cp <file> s3://in/imports/none.csv) or correct INPUT_S3_KEY",
    );
  });

  test("names the permission that a refused write needs", async () => {
    s3.refuseWrites = true;
    await expect(storage.write("results/2.json", "{}")).rejects.toThrow(
      /^write s3:\/\/out\/results\/2\.json: access denied; the job's role needs s3:PutObject/,
    );
  });
});
