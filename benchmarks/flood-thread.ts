// A flood as a thread of its own, so that making it does not hold up who measures beside it: so many
// connections, each sending the same bodies one after the other, and waiting when it is refused for
// as long as it is told. Counts what was answered; anything but 200 and a proper 503 is a fault.
import { Agent, request } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import type { Target } from "./load.ts";
import { percentileOf } from "./reach.ts";

export interface Flood {
  readonly target: Target;
  /** Sent in turns. */
  readonly bodies: readonly string[];
  readonly connections: number;
}

export interface Flooded {
  readonly requests: number;
  readonly refused: number;
  /** Records that were acknowledged. */
  readonly counted: number;
  /** Of the requests that were accepted. */
  readonly p99Ms: number;
  /** The first answer that should not have been. */
  readonly fault: string | null;
}

const { target, bodies, connections }: Flood = workerData;
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const buffers = bodies.map((body) => Buffer.from(body));
const latenciesMs: number[] = [];
const tally = { requests: 0, refused: 0, counted: 0, fault: null as string | null };
let isOver = false;

parentPort?.once("message", () => {
  isOver = true;
});
await Promise.all(Array.from({ length: connections }, (_, index) => run(index)));
agent.destroy();
const p99Ms = percentileOf(latenciesMs, 0.99);
parentPort?.postMessage({ ...tally, p99Ms } satisfies Flooded);

async function run(first: number): Promise<void> {
  for (let index = first; !isOver; index += 1) {
    const pauseMs = await send(buffers[index % buffers.length] ?? Buffer.alloc(0));
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Milliseconds to wait before the next one. */
function send(body: Buffer): Promise<number> {
  const { port, path, token } = target;
  const headers = {
    "content-type": "application/json",
    "content-length": body.length,
    authorization: `Bearer ${token}`,
  };
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const options = { agent, port, path, headers, method: "POST", host: "127.0.0.1" };
    const sending = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => {
        tally.requests += 1;
        const { statusCode: status, headers: told } = response;
        const counted = text.match(/"counted":(\d+)/)?.[1];
        if (status === 200) {
          tally.counted += Number(counted);
          latenciesMs.push(performance.now() - begun);
        } else if (status === 503 && /^\d+$/.test(told["retry-after"] ?? "")) tally.refused += 1;
        else tally.fault ??= `${status}: ${text.slice(0, 500)}`;
        resolve(status === 200 ? 0 : 1_000 * Number(told["retry-after"]));
      });
    });
    sending.once("error", reject);
    sending.end(body);
  });
}
