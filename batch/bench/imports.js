// Compares the importers with a bare `psql \copy` of the same file into the same table, in turn.
// Run it as ../.ci/with-postgres node bench/imports.js --help
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { fileURLToPath, URL } from "node:url";
import { parseArgs } from "node:util";

import pg from "pg";

import { JOBS, writeCsv } from "./files.js";

const USAGE = `Usage: ../.ci/with-postgres node bench/imports.js [options]

Options:
  --rows N,N…   rows of the files (100000,1000000)
  --runs N      runs of each, in turn (3); the median is shown
  --job NAME    ${Object.keys(JOBS).join(" or ")} (both)
  --json FILE   writes the figures too
  --help

Environment: TEST_DATABASE_URL, a PostgreSQL that this may set to fsync=on.
`;

const BATCH = fileURLToPath(new URL("../", import.meta.url));
const TIME = "/usr/bin/time";
const HAS_TIME = existsSync(TIME);
/** The server of .ci/with-postgres does not wait for its disk; one that keeps its data does. */
const SETTINGS = {
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  max_wal_size: "4GB",
};
const MIB = 1024 ** 2;

const say = (text) => process.stderr.write(`${text}\n`);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

function readOptions() {
  const { values } = parseArgs({
    options: {
      rows: { type: "string", default: "100000,1000000" },
      runs: { type: "string", default: "3" },
      job: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean" },
    },
  });
  const rows = values.rows.split(",").map(Number);
  const runs = Number(values.runs);
  if (![...rows, runs].every((n) => Number.isInteger(n) && n > 0)) {
    throw new Error("--rows and --runs are whole numbers from 1, such as --rows 100000,1000000");
  }
  if (values.job !== undefined && !(values.job in JOBS)) {
    throw new Error(`--job is one of ${Object.keys(JOBS).join(", ")}`);
  }
  const jobs = values.job === undefined ? Object.keys(JOBS) : [values.job];
  return { ...values, rows, runs, jobs };
}

/** Runs a program to its end and gives the seconds; its output is shown where it fails. */
async function run(program, args, env = {}) {
  const started = performance.now();
  const child = spawn(program, args, { cwd: BATCH, env: { ...process.env, ...env } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => (output = (output + data).slice(-5_000)));
  }
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: exit ${code}\n${output}`);
  return (performance.now() - started) / 1000;
}

async function copy({ job, file, url }) {
  const { table, columns } = JOBS[job];
  const list = columns.join(", ");
  const options = `FORMAT csv, HEADER true, FORCE_NOT_NULL (${list})`;
  const command = `\\copy ${table} (${list}) FROM '${file}' WITH (${options})`;
  return { seconds: await run("psql", ["-X", "-q", "-d", url, "-c", command]) };
}

/** The image's. */
async function readNodeOptions() {
  const dockerfile = await readFile(path.join(BATCH, "DockerFile"), "utf8");
  const found = /NODE_OPTIONS=(\S+)/.exec(dockerfile);
  if (found === null) throw new Error("DockerFile has no NODE_OPTIONS");
  return found[1];
}

async function importFile({ job, file, url }) {
  const folder = path.dirname(file);
  const env = {
    DATABASE_URL: url,
    STORAGE_MODE: "local",
    LOCAL_STORAGE_DIR: folder,
    INPUT_S3_KEY: path.basename(file),
    EXECUTOR_NAME: "bench",
    AWS_BATCH_JOB_ID: "bench",
    NODE_OPTIONS: await readNodeOptions(),
  };
  const command = [process.execPath, `dist/${job}.js`];
  const timeFile = path.join(folder, "time.txt");
  const [program, ...args] = HAS_TIME ? [TIME, "-f", "%M", "-o", timeFile, ...command] : command;
  const seconds = await run(program, args, env);
  if (HAS_TIME) return { seconds, memory: Number(await readFile(timeFile, "utf8")) * 1024 };
  const result = path.join(folder, "imports-results", job, "bench.json");
  return { seconds, memory: JSON.parse(await readFile(result, "utf8")).peakMemoryBytes };
}

/** The table's rows, and a sum over the columns of the file that is equal where all rows are. */
async function describeTable(client, job) {
  const { table, columns } = JOBS[job];
  const { rows } = await client.query(
    `SELECT count(*)::int AS count, sum(hashtextextended(row(${columns.join(", ")})::text, 0))::text AS sum
     FROM ${table}`,
  );
  return `${rows[0].count} rows, sum ${rows[0].sum}`;
}

async function measure(client, work) {
  const { table } = JOBS[work.job];
  const measured = { copy: [], import: [] };
  const contents = new Set();
  for (let n = 1; n <= work.runs; n += 1) {
    for (const [name, task] of Object.entries({ copy, import: importFile })) {
      await client.query(`TRUNCATE ${table} RESTART IDENTITY`);
      await client.query("CHECKPOINT");
      const figures = await task(work);
      measured[name].push(figures);
      contents.add(await describeTable(client, work.job));
      say(`  ${name} ${n}/${work.runs}: ${figures.seconds.toFixed(2)} s`);
    }
  }
  const [first, ...others] = contents;
  if (others.length > 0 || !first.startsWith(`${work.rows} rows`)) {
    throw new Error(`the table differs between the runs: ${[...contents].join("; ")}`);
  }
  return measured;
}

function summarise({ job, rows, bytes }, measured) {
  const copySeconds = median(measured.copy.map((run) => run.seconds));
  const importSeconds = median(measured.import.map((run) => run.seconds));
  return {
    job,
    rows,
    fileMiB: bytes / MIB,
    copySeconds,
    copyRowsPerSecond: rows / copySeconds,
    importSeconds,
    importRowsPerSecond: rows / importSeconds,
    ratio: copySeconds / importSeconds,
    peakMiB: Math.max(...measured.import.map((run) => run.memory)) / MIB,
    runs: measured,
  };
}

const COLUMNS = [
  ["job", (r) => r.job],
  ["rows", (r) => r.rows.toLocaleString("en")],
  ["file MiB", (r) => r.fileMiB.toFixed(0)],
  ["\\copy s", (r) => r.copySeconds.toFixed(2)],
  ["\\copy rows/s", (r) => Math.round(r.copyRowsPerSecond).toLocaleString("en")],
  ["import s", (r) => r.importSeconds.toFixed(2)],
  ["import rows/s", (r) => Math.round(r.importRowsPerSecond).toLocaleString("en")],
  ["x \\copy", (r) => r.ratio.toFixed(2)],
  ["peak MiB", (r) => r.peakMiB.toFixed(0)],
];

function formatTable(results) {
  const lines = [
    COLUMNS.map(([title]) => title),
    ...results.map((r) => COLUMNS.map(([, f]) => f(r))),
  ];
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const pad = (text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]));
  return lines.map((line) => line.map(pad).join("  ")).join("\n");
}

async function describeMachine(client, runs) {
  const { rows } = await client.query("SELECT version()");
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}`);
  const { rows: buffers } = await client.query("SHOW shared_buffers");
  return [
    `${rows[0].version.split(" (")[0]}; ${settings.join(", ")}, shared_buffers=${buffers[0].shared_buffers}`,
    `Node ${process.version}; ${availableParallelism()} x ${cpus()[0]?.model ?? "unknown CPU"}`,
    `median of ${runs} runs in turn, into the migrated, empty table; peak: the highest of all, by ${HAS_TIME ? `${TIME} (maximum resident set size)` : "the result's peakMemoryBytes"}`,
  ];
}

/** Gives the server these settings while the work is done. */
async function withSettings(admin, work) {
  for (const [name, value] of Object.entries(SETTINGS)) {
    await admin.query(`ALTER SYSTEM SET ${name} = '${value}'`);
  }
  await admin.query("SELECT pg_reload_conf()");
  try {
    return await work();
  } finally {
    for (const name of Object.keys(SETTINGS)) await admin.query(`ALTER SYSTEM RESET ${name}`);
    await admin.query("SELECT pg_reload_conf()");
  }
}

/** A database of its own, migrated; the file does not say who writes, so \copy needs a default. */
async function withDatabase(admin, work) {
  const name = `batch_bench_${process.pid}`;
  const url = new URL(process.env.TEST_DATABASE_URL);
  url.pathname = `/${name}`;
  await admin.query(`CREATE DATABASE ${name}`);
  const client = new pg.Client({ connectionString: url.href });
  try {
    await run(process.execPath, ["dist/migrate.js"], { DATABASE_URL: url.href });
    await client.connect();
    for (const { table } of Object.values(JOBS)) {
      await client.query(
        `ALTER TABLE ${table}
         ALTER created_by SET DEFAULT 'copy', ALTER updated_by SET DEFAULT 'copy'`,
      );
    }
    return await work(client, url.href);
  } finally {
    await client.end();
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  }
}

async function bench(options, client, url) {
  const folder = await mkdtemp(path.join(tmpdir(), "batch-bench-"));
  const results = [];
  try {
    for (const job of options.jobs) {
      for (const rows of options.rows) {
        const file = path.join(folder, "input.csv");
        const bytes = await writeCsv(file, JOBS[job], rows);
        say(`${job}: ${rows} rows, ${(bytes / MIB).toFixed(0)} MiB`);
        const work = { job, rows, bytes, file, url, runs: options.runs };
        results.push(summarise(work, await measure(client, work)));
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return { machine: await describeMachine(client, options.runs), results };
}

async function main() {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (process.env.TEST_DATABASE_URL === undefined) throw new Error("TEST_DATABASE_URL is not set");
  execFileSync("npm", ["run", "--silent", "build"], { cwd: BATCH, stdio: "inherit" });
  const admin = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL });
  await admin.connect();
  const report = await withSettings(admin, () =>
    withDatabase(admin, (client, url) => bench(options, client, url)),
  ).finally(() => admin.end());
  process.stdout.write(`${report.machine.join("\n")}\n\n${formatTable(report.results)}\n`);
  if (options.json) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
}

try {
  await main();
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
