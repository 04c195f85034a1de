import pg from "pg";
import { describe, expect, test } from "vitest";

import { readImportConfig, readJobId } from "../src/importers/config.js";
import {
  composeDatabaseUrl,
  readDatabaseConfig,
  toClientConfig,
} from "../src/lib/database-config.js";
import { EnvReader, type Env } from "../src/lib/env.js";
import { UsageError } from "../src/lib/exit.js";

const S3_ENV = {
  EXECUTOR_NAME: "admin",
  INPUT_S3_KEY: "imports/users.csv",
  AWS_REGION: "ap-northeast-1",
  AWS_S3_BUCKET_NAME: "files",
  DATABASE_URL: "postgresql://u:p@h:5432/db?sslmode=disable",
};

function readError(env: Env): UsageError {
  try {
    readImportConfig(env, "local-1");
  } catch (error) {
    if (error instanceof UsageError) return error;
  }
  throw new Error("expected a UsageError");
}

function readDatabase(env: Env) {
  const reader = new EnvReader(env);
  const config = readDatabaseConfig(reader);
  reader.check();
  return config;
}

describe("readImportConfig", () => {
  test("reports everything that is missing at once, with what to set and an example", () => {
    const error = readError({});
    for (const name of [
      "EXECUTOR_NAME",
      "INPUT_S3_KEY",
      "AWS_REGION",
      "INPUT_S3_BUCKET",
      "OUTPUT_S3_BUCKET",
      "DB_HOST",
      "DB_NAME",
      "DB_USERNAME",
      "DB_PASSWORD",
    ]) {
      expect(error.message).toContain(`${name} is missing; set `);
    }
    expect(error.message).toContain("(example: imports/users.csv)");
    expect(error.details.problems).toHaveLength(9);
  });

  test("treats blank values as missing", () => {
    expect(readError({ ...S3_ENV, EXECUTOR_NAME: " " }).message).toContain(
      "EXECUTOR_NAME is missing",
    );
  });

  test("uses AWS_S3_BUCKET_NAME where a bucket is not set", () => {
    const env = { ...S3_ENV, OUTPUT_S3_BUCKET: "results" };
    expect(readImportConfig(env, "local-1").storage).toEqual({
      mode: "s3",
      region: "ap-northeast-1",
      inputBucket: "files",
      outputBucket: "results",
      pathStyle: false,
    });
  });

  test.each(["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])("addresses by path with %s", (name) => {
    const config = readImportConfig({ ...S3_ENV, [name]: "http://localhost:4566" }, "local-1");
    expect(config.storage).toMatchObject({ pathStyle: true });
  });

  test("needs only a folder in local mode", () => {
    const env = { ...S3_ENV, AWS_REGION: "", AWS_S3_BUCKET_NAME: "", STORAGE_MODE: "local" };
    expect(readError(env).details.problems).toMatchObject([{ variable: "LOCAL_STORAGE_DIR" }]);
    const config = readImportConfig({ ...env, LOCAL_STORAGE_DIR: "/data" }, "local-1");
    expect(config.storage).toEqual({ mode: "local", directory: "/data" });
  });

  test.each([
    ["STORAGE_MODE", "ftp"],
    ["NODE_ENV", "staging"],
    ["DB_SSLMODE", "prefer"],
    ["DB_CONNECT_TIMEOUT_SECONDS", "soon"],
    ["DB_CONNECT_TIMEOUT_SECONDS", "0"],
    ["AWS_BATCH_JOB_ATTEMPT", "first"],
    ["INPUT_S3_KEY", "s3://files/imports/users.csv"],
    ["INPUT_S3_KEY", "imports/"],
    ["DATABASE_URL", "mysql://u:p@h/db"],
    ["DATABASE_URL", "postgresql://u:p@h/db?sslmode=prefer"],
  ])("refuses %s=%s", (name, value) => {
    const error = readError({ ...S3_ENV, [name]: value });
    expect(error.details.problems).toMatchObject([{ variable: name }]);
  });

  test("counts the attempts of AWS Batch", () => {
    expect(readImportConfig(S3_ENV, "local-1").attempt).toBe(1);
    const env = { ...S3_ENV, AWS_BATCH_JOB_ATTEMPT: "2" };
    expect(readImportConfig(env, "local-1").attempt).toBe(2);
  });

  test("never repeats a wrong DATABASE_URL, which holds a password", () => {
    const error = readError({ ...S3_ENV, DATABASE_URL: "postgresql://u:hun%ter2@h/db" });
    expect(error.message).toContain("DATABASE_URL is not a PostgreSQL URL");
    expect(error.message).not.toContain("ter2");
  });
});

describe("readJobId", () => {
  test("is the job's id in AWS Batch and a time elsewhere", () => {
    const now = new Date("2025-01-02T03:04:05.678Z");
    expect(readJobId({ AWS_BATCH_JOB_ID: "4f2e" }, now)).toBe("4f2e");
    expect(readJobId({}, now)).toBe("local-20250102T030405678Z");
  });
});

describe("composeDatabaseUrl", () => {
  test.each(["p@ss:w/rd?#[]", "100%", "%41", "a b+c&d=e", "パスワード", "'\"\\`$!*()<>^|{}~"])(
    "keeps the password %s",
    (password) => {
      const url = composeDatabaseUrl({
        host: "db.example",
        port: 5433,
        name: "proof link",
        username: "us@er/x",
        password,
        sslMode: "verify-full",
      });
      const config = { url, sslMode: "disable" as const, connectTimeoutSeconds: 1 };
      expect(new pg.Client(toClientConfig(config, "test"))).toMatchObject({
        host: "db.example",
        port: 5433,
        database: "proof link",
        user: "us@er/x",
        password,
      });
    },
  );
});

describe("readDatabaseConfig", () => {
  const PARTS = { DB_HOST: "h", DB_NAME: "db", DB_USERNAME: "u", DB_PASSWORD: "p" };

  test("composes the URL from the parts, verified by default", () => {
    expect(readDatabase(PARTS)).toEqual({
      url: "postgresql://u:p@h:5432/db?sslmode=verify-full",
      sslMode: "verify-full",
      connectTimeoutSeconds: 30,
    });
  });

  test("prefers DATABASE_URL and its sslmode", () => {
    const url = "postgres://x:y@z/db?sslmode=require";
    const env = { ...PARTS, DATABASE_URL: url, DB_SSLMODE: "disable" };
    expect(readDatabase(env)).toMatchObject({ url, sslMode: "require" });
  });

  test("takes DB_SSLMODE for a DATABASE_URL without one", () => {
    const env = { DATABASE_URL: "postgres://x:y@z/db", DB_SSLMODE: "disable" };
    expect(readDatabase(env).sslMode).toBe("disable");
  });

  test("verifies the server with the certificates of Amazon RDS", () => {
    const config = toClientConfig(readDatabase(PARTS), "test");
    expect(config.ssl).toMatchObject({
      ca: expect.arrayContaining([expect.any(String)]) as unknown,
    });
    expect(config.ssl).not.toHaveProperty("rejectUnauthorized");
    expect(config.connectionString).not.toContain("sslmode");
  });

  test.each([
    ["disable", false],
    ["require", { rejectUnauthorized: false }],
  ])("maps sslmode %s", (sslmode, ssl) => {
    const config = readDatabase({ ...PARTS, DB_SSLMODE: sslmode });
    expect(toClientConfig(config, "test").ssl).toEqual(ssl);
  });
});
