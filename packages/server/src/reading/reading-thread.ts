// The thread that reads large usage bodies into columns while others are counted. It keeps nothing
// but what it was told processors look at; a body leaves it as it came.
import { parentPort } from "node:worker_threads";
import { assert } from "../core/problem.ts";
import { type ScanContext, ScanPlan } from "../core/scan-plan.ts";
import { scanRows } from "../core/usage-scan.ts";
import {
  type PlanMessage,
  plansMax,
  type ReadingAnswer,
  type ReadingCall,
} from "./reading-messages.ts";

const plans = new Map<number, ScanContext>();

const port = parentPort;
assert(port !== null, "reading-thread.ts runs as a worker thread");
port.on("message", (call: ReadingCall) => {
  const { id, planNumber, plan, isLines, bytes } = call;
  if (plan !== null) remember(planNumber, plan);
  const context = plans.get(planNumber);
  assert(context !== undefined, "a plan is told with the first body for it");
  const rows = scanRows(bytes, isLines, context);
  const answer: ReadingAnswer = { id, bytes, rows };
  const moved = rows === null ? [] : [rows.words.buffer, rows.values.buffer];
  port.postMessage(answer, [bytes.buffer, ...moved]);
});

function remember(planNumber: number, { columns, idField, key }: PlanMessage): void {
  if (plans.size === plansMax) plans.clear();
  plans.set(planNumber, { plan: new ScanPlan(new Map(columns), idField), key });
}
