import { readDatabaseConfig, type DatabaseConfig } from "../lib/database-config.js";
import { EnvReader, type Env } from "../lib/env.js";
import { readStorageConfig, type StorageConfig } from "../lib/storage.js";

export interface ImportConfig {
  nodeEnv: string;
  executor: string;
  inputKey: string;
  jobId: string;
  /** Counts from 1; AWS Batch runs a job again that its retry strategy says so of. */
  attempt: number;
  storage: StorageConfig;
  database: DatabaseConfig;
}

/** AWS_BATCH_JOB_ID, or a name for a run outside of AWS Batch. */
export function readJobId(env: Env, now: Date): string {
  const started = now.toISOString().replace(/[-:.]/g, "");
  return new EnvReader(env).optional("AWS_BATCH_JOB_ID") ?? `local-${started}`;
}

function readInputKey(env: EnvReader): string {
  const key = env.required("INPUT_S3_KEY", "the key of the CSV file", "imports/users.csv");
  if (/^(\/|s3:)|\/$/.test(key)) {
    const problem = `is "${key}"; set a key inside the bucket, without s3:// and a leading or trailing /`;
    env.addProblem("INPUT_S3_KEY", problem, "imports/users.csv");
  }
  return key;
}

/** Reads what an import needs, or throws one error with all that is missing or wrong. */
export function readImportConfig(variables: Env, jobId: string): ImportConfig {
  const env = new EnvReader(variables);
  const config = {
    nodeEnv: env.choice("NODE_ENV", ["production", "development", "test"] as const, "production"),
    executor: env.required("EXECUTOR_NAME", "who runs the import", "admin"),
    inputKey: readInputKey(env),
    jobId,
    attempt: env.integer("AWS_BATCH_JOB_ATTEMPT", 1, 1_000, 1),
    storage: readStorageConfig(env),
    database: readDatabaseConfig(env),
  };
  env.check();
  return config;
}
