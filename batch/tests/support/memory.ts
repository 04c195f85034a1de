import { readFileSync } from "node:fs";

const POLL_MS = 100;

/** Linux keeps the peak of a process (VmHWM); elsewhere there is nothing to read. */
function readPeak(pid: number): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Watches a process from outside; the returned function gives its peak resident set in bytes. */
export function watchPeakMemory(pid: number): () => number {
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, readPeak(pid));
  }, POLL_MS);
  return () => {
    clearInterval(timer);
    return peak;
  };
}
