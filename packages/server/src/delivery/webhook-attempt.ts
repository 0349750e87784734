// One attempt at a webhook: signs the message with every live secret, sends it, and judges what
// came back. Only 2xx is success; a redirect is a failure, 410 says that the receiver is gone.
import type { Destination } from "../core/destination.ts";
import type { CancelSignal, Clock, EpochMs } from "../core/ports.ts";
import type { Result } from "../core/problem.ts";
import type { DeliveryAttempt } from "./ports.ts";
import { readRetryAfter } from "./retry-schedule.ts";
import { signatureHeader } from "./signature.ts";
import type { WebhookAnswer, WebhookSender } from "./webhook-sender.ts";

/** The longest that an attempt may take in all. */
export const attemptMs = 15_000;

/** What an attempt came to, before it is recorded. */
export interface EndedAttempt {
  readonly attempt: DeliveryAttempt;
  readonly endedAt: EpochMs;
  readonly isSuccess: boolean;
  /** It can never succeed: no further attempt is made. */
  readonly isHopeless: boolean;
  /** The receiver wants nothing more (410). */
  readonly isGone: boolean;
  /** The receiver asked for less, or let us wait in vain. */
  readonly isOverloaded: boolean;
  /** What Retry-After asks for. */
  readonly retryAfterMs: number | null;
  /** Whether the receiver answered at all. */
  readonly isAnswered: boolean;
  /** Of a file that was written. */
  readonly written?: { readonly bytes: number; readonly sha256: string };
}

export interface WebhookMessage {
  readonly id: string;
  readonly body: Uint8Array;
  readonly isReplay: boolean;
}

export interface AttemptWorld {
  readonly clock: Clock;
  readonly sender: WebhookSender;
  readonly unseal: (sealed: string) => Result<string, string>;
  readonly timeoutMs: number;
}

/** Null when `cancel` ended it before the receiver had answered: nobody knows what became of it. */
export async function attemptWebhook(
  destination: Destination,
  message: WebhookMessage,
  { clock, sender, unseal, timeoutMs, cancel }: AttemptWorld & { readonly cancel: AbortController },
): Promise<EndedAttempt | null> {
  const { target } = destination;
  const at = clock.now();
  const started = clock.monotonic();
  const headers = headersOf(destination, message, { unseal, now: at });
  if (!headers.ok || target.kind !== "webhook") {
    const reason = headers.ok ? "The destination is no webhook." : headers.error;
    return failedHere(reason, { at, endedAt: at, isReplay: message.isReplay });
  }
  const ending = new AbortController();
  const late: CancelSignal = ending.signal;
  const limit = new AbortController();
  const signal = AbortSignal.any([cancel.signal, limit.signal]);
  void clock.sleepUntil(at + timeoutMs, late).then(() => limit.abort());
  const request = { url: target.url, headers: headers.value, body: message.body };
  const answer = await sender.send(request, signal);
  const isLate = limit.signal.aborted;
  // A reason of its own spares the making of an error with its stack.
  ending.abort(ended);
  if (cancel.signal.aborted && answer.kind === "unanswered") return null;
  const durationMs = clock.monotonic() - started;
  return judge(answer, {
    at,
    endedAt: clock.now(),
    durationMs,
    isReplay: message.isReplay,
    isLate,
  });
}

const ended = "ended";

/** Failed on our own side; the receiver was not asked. */
export function failedHere(
  error: string,
  { at, endedAt, isReplay }: { at: EpochMs; endedAt: EpochMs; isReplay: boolean },
): EndedAttempt {
  const attempt = { at, durationMs: endedAt - at, status: null, answer: null, error };
  return {
    attempt: { ...attempt, replay: isReplay },
    endedAt,
    isSuccess: false,
    isHopeless: false,
    isGone: false,
    isOverloaded: false,
    retryAfterMs: null,
    isAnswered: false,
  };
}

function headersOf(
  { target }: Destination,
  { id, body, isReplay }: WebhookMessage,
  { unseal, now }: Pick<AttemptWorld, "unseal"> & { readonly now: EpochMs },
): Result<Record<string, string>, string> {
  const secrets: string[] = [];
  const sealed = target.kind === "webhook" ? target.secrets : [];
  for (const secret of sealed) {
    if (secret.expiresAt !== null && secret.expiresAt <= now) continue;
    const opened = unseal(secret.sealed);
    if (!opened.ok) return opened;
    secrets.push(opened.value);
  }
  const timestamp = Math.floor(now / 1_000);
  const signature = signatureHeader(secrets, { id, timestamp, body });
  if (!signature.ok) return signature;
  return {
    ok: true,
    value: {
      "content-type": "application/json; charset=utf-8",
      "user-agent": "Meterhouse",
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": signature.value,
      ...(isReplay ? { "webhook-replay": "true" } : {}),
    },
  };
}

interface Timing {
  readonly at: EpochMs;
  readonly endedAt: EpochMs;
  readonly durationMs: number;
  readonly isReplay: boolean;
  readonly isLate: boolean;
}

/** 429, 502 and 504 say that the receiver has too much to do. */
const overloadStatuses: readonly number[] = [429, 502, 504];
const retryAfterStatuses: readonly number[] = [429, 503];

function judge(answer: WebhookAnswer, timing: Timing): EndedAttempt {
  const { at, endedAt, durationMs, isReplay: replay, isLate } = timing;
  const isAnswered = answer.kind === "answered";
  const status = isAnswered ? answer.status : null;
  const isSuccess = status !== null && status >= 200 && status <= 299;
  const asked = isAnswered && retryAfterStatuses.includes(answer.status) ? answer.retryAfter : null;
  return {
    attempt: {
      at,
      durationMs,
      status,
      answer: isAnswered ? answer.text : null,
      error: isSuccess ? null : isAnswered ? statusText(answer.status) : answer.reason,
      replay,
    },
    endedAt,
    isSuccess,
    isHopeless: false,
    isGone: status === 410,
    isOverloaded: (status === null && isLate) || overloadStatuses.includes(status ?? 0),
    retryAfterMs: readRetryAfter(asked, endedAt),
    isAnswered,
  };
}

function statusText(status: number): string {
  if (status === 410) return "The receiver answered 410: it is gone.";
  if (status >= 300 && status <= 399) {
    return `The receiver answered ${status}; redirects are not followed. Set the URL that it moved to.`;
  }
  return `The receiver answered ${status}.`;
}
