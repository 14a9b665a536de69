/**
 * A thread that requests one URL every `everyMs` milliseconds, whether or not
 * earlier requests have been answered, until it receives a stop message; then
 * it posts the times and the answers other than 200. Separate from the thread
 * that makes the load, whose own delays must not be mistaken for the Worker's.
 */
import { Agent, request } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

const { url, headers, everyMs } = workerData;
const agent = new Agent({ keepAlive: true });
const times = [];
const faults = [];
let open = 0;
let stopped = false;

function ping() {
  const begin = performance.now();
  open += 1;
  const end = (fault) => {
    times.push(performance.now() - begin);
    if (fault) faults.push(fault);
    open -= 1;
    if (stopped && open === 0) finish();
  };
  request(url, { agent, headers }, (response) => {
    response.resume().on("end", () => end(response.statusCode === 200 ? null : response.statusCode));
  })
    .on("error", (error) => end(error.message))
    .end();
}

function finish() {
  agent.destroy();
  parentPort?.postMessage({ times, faults });
  parentPort?.close();
}

const timer = setInterval(ping, everyMs);
parentPort?.once("message", () => {
  stopped = true;
  clearInterval(timer);
  if (open === 0) finish();
});
