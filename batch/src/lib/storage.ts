import { createReadStream } from "node:fs";
import { mkdir, open, realpath, writeFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";

import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

import type { EnvReader } from "./env.js";
import { errorCode, errorMessage, FatalError } from "./exit.js";

const CONNECT_TIMEOUT_MS = 10_000;

/** Where input files come from and results go to. */
export interface Storage {
  /** Names an input for people: s3://bucket/key, or a path. */
  inputName(key: string): string;
  read(key: string, signal: AbortSignal): Promise<Readable>;
  /** Stores a result and returns its name. */
  write(key: string, body: string): Promise<string>;
  close(): void;
}

export type StorageConfig =
  | { mode: "s3"; region: string; inputBucket: string; outputBucket: string; pathStyle: boolean }
  | { mode: "local"; directory: string };

function readBucket(env: EnvReader, variable: string, purpose: string): string {
  const shared = env.optional("AWS_S3_BUCKET_NAME");
  if (shared !== undefined && env.optional(variable) === undefined) return shared;
  return env.required(
    variable,
    `${purpose}, or AWS_S3_BUCKET_NAME for both`,
    "prooflink-dev-files",
  );
}

export function readStorageConfig(env: EnvReader): StorageConfig {
  const mode = env.choice("STORAGE_MODE", ["s3", "local"] as const, "s3");
  if (mode === "local") {
    const whatToSet = "the folder that stands for the bucket";
    return { mode, directory: env.required("LOCAL_STORAGE_DIR", whatToSet, "/data") };
  }
  const endpoint = env.optional("AWS_ENDPOINT_URL_S3") ?? env.optional("AWS_ENDPOINT_URL");
  return {
    mode,
    region: env.required("AWS_REGION", "the bucket's region", "ap-northeast-1"),
    inputBucket: readBucket(env, "INPUT_S3_BUCKET", "the bucket with the CSV file"),
    outputBucket: readBucket(env, "OUTPUT_S3_BUCKET", "the bucket for the result"),
    // Emulators seldom resolve bucket.host names.
    pathStyle: endpoint !== undefined,
  };
}

export function createStorage(config: StorageConfig): Storage {
  return config.mode === "local" ? localStorage(config.directory) : s3Storage(config);
}

function s3Storage(config: Extract<StorageConfig, { mode: "s3" }>): Storage {
  const client = new S3Client({
    region: config.region,
    forcePathStyle: config.pathStyle,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS },
  });
  const inputName = (key: string) => `s3://${config.inputBucket}/${key}`;
  return {
    inputName,
    async read(key, signal) {
      const command = new GetObjectCommand({ Bucket: config.inputBucket, Key: key });
      const { Body: body } = await client
        .send(command, { abortSignal: signal })
        .catch((error: unknown) => {
          throw s3Error("read", inputName(key), error);
        });
      if (body instanceof Readable) return body;
      throw new FatalError(`read ${inputName(key)}: the answer has no body`);
    },
    async write(key, body) {
      const name = `s3://${config.outputBucket}/${key}`;
      const command = new PutObjectCommand({
        Bucket: config.outputBucket,
        Key: key,
        Body: body,
        ContentType: "application/json",
      });
      await client.send(command).catch((error: unknown) => {
        throw s3Error("write", name, error);
      });
      return name;
    },
    close: () => {
      client.destroy();
    },
  };
}

function s3Advice(errorName: string, verb: "read" | "write", name: string): string {
  switch (errorName) {
    case "NoSuchKey":
    case "NotFound":
      return `no such object; upload it (aws s3 cp <file> ${name}) or correct INPUT_S3_KEY`;
    case "NoSuchBucket":
      return `no such bucket; correct ${verb === "read" ? "INPUT" : "OUTPUT"}_S3_BUCKET`;
    case "AccessDenied":
      return `access denied; the job's role needs s3:${verb === "read" ? "GetObject" : "PutObject"} on it, and a missing object looks the same without s3:ListBucket`;
    case "CredentialsProviderError":
      return "no AWS credentials; give the job a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    default:
      return "";
  }
}

function s3Error(verb: "read" | "write", name: string, error: unknown): FatalError {
  const errorName = error instanceof Error ? error.name : "";
  const reason = s3Advice(errorName, verb, name) || errorMessage(error) || errorName;
  return new FatalError(`${verb} ${name}: ${reason}`, { cause: error });
}

function isBelow(root: string, file: string): boolean {
  const relative = path.relative(root, file);
  return relative !== "" && relative.split(path.sep)[0] !== ".." && !path.isAbsolute(relative);
}

function resolveBelow(root: string, key: string): string {
  const file = path.resolve(root, key);
  if (isBelow(path.resolve(root), file)) return file;
  throw new FatalError(`key "${key}" leads out of LOCAL_STORAGE_DIR (${root}); use a key below it`);
}

/** Links are followed before the check, so that none leads out either. */
async function checkLinks(root: string, key: string, existing: string): Promise<void> {
  if (isBelow(await realpath(root), await realpath(existing))) return;
  throw new FatalError(`key "${key}" leads out of LOCAL_STORAGE_DIR (${root}) through a link`);
}

function localStorage(root: string): Storage {
  return {
    inputName: (key) => path.resolve(root, key),
    async read(key, signal) {
      const file = resolveBelow(root, key);
      try {
        await checkLinks(root, key, file);
        const handle = await open(file);
        return createReadStream("", { fd: handle, signal });
      } catch (error) {
        if (errorCode(error) !== "ENOENT") throw error;
        const advice = "put it there or correct INPUT_S3_KEY or LOCAL_STORAGE_DIR";
        throw new FatalError(`read ${file}: no such file; ${advice}`, { cause: error });
      }
    },
    async write(key, body) {
      const file = resolveBelow(root, key);
      await mkdir(path.dirname(file), { recursive: true });
      await checkLinks(root, key, path.dirname(file));
      await writeFile(file, body);
      return file;
    },
    close: () => undefined,
  };
}
