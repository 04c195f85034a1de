import { createReadStream, type Stats } from "node:fs";
import {
  copyFile,
  mkdir,
  open,
  realpath,
  stat,
  writeFile,
  type FileHandle,
} from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { crc32 } from "node:zlib";

import {
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  type GetObjectCommandOutput,
  type PutObjectCommandInput,
} from "@aws-sdk/client-s3";

import type { EnvReader } from "./env.js";
import { errorCode, errorMessage, FatalError } from "./exit.js";
import type { Logger } from "./logger.js";
import { readResuming, RESUME_LIMITS, type ResumeLimits } from "./resume.js";

const CONNECT_TIMEOUT_MS = 10_000;
/** An idle connection that writes is given up after this. */
const SOCKET_TIMEOUT_MS = 60_000;
const UPLOAD_PAUSES_MS = [500, 2_000];
const NOT_CHANGED_ADVICE = "run the import again when nothing writes it";

/** One version of an input: every read gives the same bytes, or fails. */
export interface StoredInput {
  bytes: number;
  read(): AsyncGenerator<Uint8Array>;
}

/** Where input files come from and results go to. */
export interface Storage {
  /** Names an input for people: s3://bucket/key, or a path. */
  inputName(key: string): string;
  open(key: string, signal: AbortSignal): Promise<StoredInput>;
  /** Stores a text and returns its name. */
  write(key: string, body: string, contentType: string, signal: AbortSignal): Promise<string>;
  /** Stores a file without holding it in memory, and returns its name. */
  writeFile(key: string, file: string, contentType: string, signal: AbortSignal): Promise<string>;
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

export function createStorage(
  config: StorageConfig,
  log: Logger,
  limits: ResumeLimits = RESUME_LIMITS,
): Storage {
  return config.mode === "local"
    ? localStorage(config.directory)
    : new S3Storage(config, log, limits);
}

function createClient(
  { region, pathStyle }: Extract<StorageConfig, { mode: "s3" }>,
  log: Logger,
): S3Client {
  const ignore = () => undefined;
  // It would write to the console, between the log records.
  const warn = (message: unknown) => {
    log.warn(String(message));
  };
  return new S3Client({
    logger: { debug: ignore, info: ignore, warn, error: ignore },
    region,
    forcePathStyle: pathStyle,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: SOCKET_TIMEOUT_MS },
    // A body that is read in parts cannot be checked as a whole; what is written has its own sum.
    responseChecksumValidation: "WHEN_REQUIRED",
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
}

/** S3 refuses a body that does not have this sum: big-endian, in base64. */
function encodeChecksum(sum: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(sum);
  return bytes.toString("base64");
}

async function checksumOfFile(file: string): Promise<string> {
  let sum = 0;
  for await (const chunk of createReadStream(file)) sum = crc32(chunk as Buffer, sum);
  return encodeChecksum(sum);
}

class S3Storage implements Storage {
  readonly #client: S3Client;
  readonly #inputBucket: string;
  readonly #outputBucket: string;
  readonly #log: Logger;
  readonly #limits: ResumeLimits;

  constructor(config: Extract<StorageConfig, { mode: "s3" }>, log: Logger, limits: ResumeLimits) {
    this.#client = createClient(config, log);
    this.#inputBucket = config.inputBucket;
    this.#outputBucket = config.outputBucket;
    this.#log = log;
    this.#limits = limits;
  }

  inputName(key: string): string {
    return `s3://${this.#inputBucket}/${key}`;
  }

  async open(key: string, signal: AbortSignal): Promise<StoredInput> {
    const name = this.inputName(key);
    const { body, answer } = await this.#get(key, {}, signal).catch((error: unknown) => {
      throw s3Error("read", name, error);
    });
    const bytes = answer.ContentLength ?? 0;
    const version = answer.ETag;
    // The first answer tells size and version, and is what the first read begins with.
    let first: Readable | undefined = body;
    const openAt = (offset: number) => {
      const ready = offset === 0 ? first : undefined;
      first = undefined;
      return ready ?? this.#reopen(key, offset, version, signal);
    };
    const onBreak = (offset: number, reason: string, attempt: number) => {
      this.#log.warn(`reading ${name} broke off, going on after byte ${offset}`, {
        reason,
        attempt,
      });
    };
    const source = { name, size: bytes, openAt: async (o: number) => openAt(o), onBreak };
    return { bytes, read: () => readResuming(source, signal, this.#limits) };
  }

  async #get(
    key: string,
    part: { Range?: string; IfMatch?: string },
    signal: AbortSignal,
  ): Promise<{ body: Readable; answer: GetObjectCommandOutput }> {
    const command = new GetObjectCommand({ Bucket: this.#inputBucket, Key: key, ...part });
    const silence = new AbortController();
    const abortSignal = AbortSignal.any([signal, silence.signal]);
    const { stallMs } = this.#limits;
    const timer = setTimeout(() => {
      silence.abort();
    }, stallMs);
    const answer = await this.#client
      .send(command, { abortSignal })
      .catch((error: unknown) => {
        if (!silence.signal.aborted) throw error;
        throw new Error(`no answer for ${stallMs / 1000} s`, { cause: error });
      })
      .finally(() => {
        clearTimeout(timer);
      });
    if (answer.Body instanceof Readable) return { body: answer.Body, answer };
    throw new FatalError(`read ${this.inputName(key)}: the answer has no body`);
  }

  /** Opens the same version at an offset; a conditional request fails where it is another. */
  async #reopen(
    key: string,
    offset: number,
    version: string | undefined,
    signal: AbortSignal,
  ): Promise<Readable> {
    const range = offset === 0 ? {} : { Range: `bytes=${offset}-` };
    const condition = version === undefined ? {} : { IfMatch: version };
    try {
      const { body, answer } = await this.#get(key, { ...range, ...condition }, signal);
      if (offset === 0 || answer.ContentRange?.startsWith(`bytes ${offset}-`) === true) return body;
      body.destroy();
    } catch (error) {
      throw reopenError(this.inputName(key), error);
    }
    throw new FatalError(`read ${this.inputName(key)}: the storage cannot send a part of it`);
  }

  write(key: string, body: string, contentType: string, signal: AbortSignal): Promise<string> {
    const input = {
      Body: body,
      ContentType: contentType,
      ChecksumCRC32: encodeChecksum(crc32(body)),
    };
    return this.#put(key, input, signal);
  }

  async writeFile(
    key: string,
    file: string,
    contentType: string,
    signal: AbortSignal,
  ): Promise<string> {
    const ChecksumCRC32 = await checksumOfFile(file);
    const { size: ContentLength } = await stat(file);
    for (let attempt = 0; ; attempt += 1) {
      // The client cannot send a stream twice, so each attempt gets its own.
      const Body = createReadStream(file);
      try {
        const input = { Body, ContentLength, ContentType: contentType, ChecksumCRC32 };
        return await this.#put(key, input, signal);
      } catch (error) {
        Body.destroy();
        const pause = UPLOAD_PAUSES_MS[attempt];
        if (pause === undefined || signal.aborted || isFinal(error)) throw error;
        this.#log.warn(`${errorMessage(error)}; trying again`);
        await sleep(pause, undefined, { signal });
      }
    }
  }

  async #put(
    key: string,
    input: Omit<PutObjectCommandInput, "Bucket" | "Key">,
    signal: AbortSignal,
  ): Promise<string> {
    const name = `s3://${this.#outputBucket}/${key}`;
    const command = new PutObjectCommand({ Bucket: this.#outputBucket, Key: key, ...input });
    await this.#client.send(command, { abortSignal: signal }).catch((error: unknown) => {
      throw s3Error("write", name, error);
    });
    return name;
  }

  close(): void {
    this.#client.destroy();
  }
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

/** The status of the answer, or undefined where there was none. */
function statusOf(error: unknown): number | undefined {
  const metadata = error instanceof Error && "$metadata" in error ? error.$metadata : undefined;
  return (metadata as { httpStatusCode?: number } | undefined)?.httpStatusCode;
}

/** Whether the same request would be answered with the same refusal. */
function isFinal(error: unknown): boolean {
  const status = statusOf(error instanceof FatalError ? error.cause : error) ?? 500;
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

function reopenError(name: string, error: unknown): unknown {
  if (error instanceof FatalError || !isFinal(error)) return error;
  const status = statusOf(error);
  if (status === 412 || status === 416) {
    return new FatalError(`read ${name}: it changed while it was read; ${NOT_CHANGED_ADVICE}`);
  }
  return s3Error("read", name, error);
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

async function openBelow(root: string, key: string): Promise<FileHandle> {
  const file = resolveBelow(root, key);
  try {
    await checkLinks(root, key, file);
    return await open(file);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    const advice = "put it there or correct INPUT_S3_KEY or LOCAL_STORAGE_DIR";
    throw new FatalError(`read ${file}: no such file; ${advice}`, { cause: error });
  }
}

const versionOf = ({ ino, size, mtimeMs }: Stats) => `${ino} ${size} ${mtimeMs}`;

async function* readUnchanged(
  root: string,
  key: string,
  version: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const handle = await openBelow(root, key);
  const check = async () => {
    if (versionOf(await handle.stat()) === version) return;
    const file = path.resolve(root, key);
    throw new FatalError(`read ${file}: it changed while it was read; ${NOT_CHANGED_ADVICE}`);
  };
  try {
    await check();
    const stream = createReadStream("", { fd: handle, signal, autoClose: false });
    for await (const chunk of stream) yield chunk as Uint8Array;
    await check();
  } finally {
    await handle.close();
  }
}

async function prepareTarget(root: string, key: string): Promise<string> {
  const file = resolveBelow(root, key);
  await mkdir(path.dirname(file), { recursive: true });
  await checkLinks(root, key, path.dirname(file));
  return file;
}

function localStorage(root: string): Storage {
  return {
    inputName: (key) => path.resolve(root, key),
    async open(key, signal) {
      const handle = await openBelow(root, key);
      const stats = await handle.stat().finally(() => handle.close());
      const version = versionOf(stats);
      return { bytes: stats.size, read: () => readUnchanged(root, key, version, signal) };
    },
    async write(key, body) {
      const target = await prepareTarget(root, key);
      await writeFile(target, body);
      return target;
    },
    async writeFile(key, file) {
      const target = await prepareTarget(root, key);
      await copyFile(file, target);
      return target;
    },
    close: () => undefined,
  };
}
