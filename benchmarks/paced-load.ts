// A load that does not wait for the server: batches are due at fixed times, and what a batch waits
// counts from then, so that a stall shows in every batch that was due in it.
import { Agent, request } from "node:http";
import type { Target } from "./load.ts";
import type { Batch } from "./workload.ts";

export interface Sample {
  /** On the clock of `performance.now()`. */
  readonly dueAt: number;
  readonly latencyMs: number;
  readonly batch: Batch;
  /** Null: refused with 503 and Retry-After. */
  readonly counted: number | null;
}

export interface Pace {
  readonly perSecond: number;
  readonly make: () => Batch;
  /** Whether a proper 503 is an answer like another. */
  readonly mayBeRefused?: boolean;
  readonly socketsMax?: number;
}

export interface PacedLoad {
  /** Sends nothing more; resolves when everything is answered. Rejects when an answer was wrong. */
  stop(): Promise<readonly Sample[]>;
}

/** Connections at most unless told; more batches than that wait, and their wait is counted. */
const socketsUsual = 64;

export function startPacedLoad(target: Target, pace: Pace): PacedLoad {
  const { perSecond, make, mayBeRefused = false, socketsMax = socketsUsual } = pace;
  const agent = new Agent({ keepAlive: true, maxSockets: socketsMax });
  const sent: Promise<Sample>[] = [];
  const beginAt = performance.now();
  let timer: NodeJS.Timeout;
  const sendDue = (): void => {
    const due = Math.floor(((performance.now() - beginAt) / 1_000) * perSecond);
    while (sent.length <= due) {
      const dueAt = beginAt + (sent.length / perSecond) * 1_000;
      const answered = send(agent, target, { batch: make(), dueAt, mayBeRefused });
      // Told by `stop`.
      answered.catch(() => undefined);
      sent.push(answered);
    }
    timer = setTimeout(sendDue, 1);
  };
  sendDue();
  return {
    async stop(): Promise<readonly Sample[]> {
      clearTimeout(timer);
      try {
        return await Promise.all(sent);
      } finally {
        agent.destroy();
      }
    },
  };
}

interface Due {
  readonly batch: Batch;
  readonly dueAt: number;
  readonly mayBeRefused: boolean;
}

function send(agent: Agent, target: Target, due: Due): Promise<Sample> {
  const { batch, dueAt, mayBeRefused } = due;
  const { port, path, token } = target;
  const headers = {
    "content-type": "application/json",
    "content-length": batch.body.length,
    authorization: `Bearer ${token}`,
  };
  return new Promise((resolve, reject) => {
    const options = { agent, port, path, headers, method: "POST", host: "127.0.0.1" };
    const sending = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => {
        const counted = text.match(/"counted":(\d+)/)?.[1];
        const latencyMs = performance.now() - dueAt;
        const isRefused = response.statusCode === 503 && "retry-after" in response.headers;
        if (isRefused && mayBeRefused) {
          resolve({ dueAt, latencyMs, batch, counted: null });
          return;
        }
        if (response.statusCode !== 200 || counted === undefined) {
          reject(new Error(`The server answered ${response.statusCode}: ${text.slice(0, 500)}`));
          return;
        }
        resolve({ dueAt, latencyMs, batch, counted: Number.parseInt(counted, 10) });
      });
    });
    sending.once("error", reject);
    sending.end(batch.body);
  });
}
