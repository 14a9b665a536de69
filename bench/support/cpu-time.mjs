/**
 * The CPU time of a process by the kernel's own accounting: what it computed,
 * however long it had to wait for a processor. Linux only.
 */
import { readFileSync, readdirSync } from "node:fs";
import { Failure } from "../../scripts/lib.mjs";

/** For background work after the last answer. */
const SETTLE_MS = 300;
const IDLE_MS = 1_000;

/** Milliseconds so far, of all threads that are alive; workerd's stay. */
export function cpuMs(pid) {
  const tasks = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(tasks).map((task) =>
    Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6;
}

/** Milliseconds of CPU that `pid` takes in a second in which nobody asks for anything. */
export async function idleShare(pid) {
  if (pid === null) throw new Failure("CPU time is read from Linux's /proc, which is missing here.");
  const before = cpuMs(pid);
  await wait(IDLE_MS);
  return (cpuMs(pid) - before) / IDLE_MS;
}

/** What `work` cost `pid`, its background work included, without what it takes when idle. */
export async function cpuOf(pid, idle, work) {
  const [begun, before] = [performance.now(), cpuMs(pid)];
  await work();
  await wait(SETTLE_MS);
  return cpuMs(pid) - before - idle * (performance.now() - begun);
}

function wait(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
