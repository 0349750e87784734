// When a request is refused whole because of its rejections (DC4 to DC6). The
// request is rehearsed first, so that a refusal has changed nothing; most requests need none.
import type { Problem } from "./problem.ts";
import { type Judgement, rehearse, type UsageRun } from "./usage-run.ts";

/** The problem for which nothing of the request may be counted, or null. */
export function abortProblem(run: UsageRun): Problem | null {
  const { suspenseManagement } = run.processor.fields;
  if (suspenseManagement.enabled) return tooManyRejected(run) ?? queueFull(run);
  return suspenseManagement.abortOnDisabled ? anyRejected(run) : null;
}

function anyRejected(run: UsageRun): Problem | null {
  let problem: Problem | null = null;
  rehearse(run, (judgement) => {
    if (judgement.kind !== "rejection") return true;
    const { reason, detail } = judgement.rejection;
    problem = {
      kind: "invalid-request",
      code: "records-rejected",
      detail: `A record cannot be counted (${reason}: ${detail}), and the meter processor takes only requests without faults. Nothing was counted.`,
    };
    return false;
  });
  return problem;
}

function tooManyRejected(run: UsageRun): Problem | null {
  const { onThresholdExceeded, eventThreshold, resetOnValidEvent } =
    run.processor.fields.suspenseManagement;
  if (onThresholdExceeded !== "ABORT" || run.raw.length <= eventThreshold) return null;
  let rejected = 0;
  rehearse(run, (judgement) => {
    if (judgement.kind === "rejection") rejected += 1;
    else if (resetOnValidEvent && judgement.kind === "countable") rejected = 0;
    return rejected <= eventThreshold;
  });
  if (rejected <= eventThreshold) return null;
  return {
    kind: "invalid-request",
    code: "too-many-rejected",
    detail: `More than ${eventThreshold} records ${resetOnValidEvent ? "in a row " : ""}cannot be counted. Nothing was counted or stored.`,
  };
}

function queueFull(run: UsageRun): Problem | null {
  const { account, context, raw } = run;
  const room = context.state.settings.correctionsPerAccountMax - account.waitingCorrections;
  if (raw.length <= room) return null;
  let rejected = 0;
  rehearse(run, (judgement: Judgement) => {
    if (judgement.kind === "rejection") rejected += 1;
    return rejected <= room;
  });
  if (rejected <= room) return null;
  return {
    kind: "too-many-requests",
    code: "correction-queue-full",
    detail: `Data correction has room for ${Math.max(0, room)} more records, and more of this request cannot be counted. Nothing was counted; requests without faulty records go on.`,
  };
}
