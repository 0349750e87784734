// Carries out single attempts: a message to a webhook, a file into its folder, a test of either.
// Knows nothing of queues; whatever goes wrong is an ended attempt with its reason.
import { join } from "node:path";
import type { Destination } from "../core/destination.ts";
import type { EpochMs } from "../core/ports.ts";
import type { DueRow } from "./delivery-rows.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import { probeFolder, RecordsGoneError, writePlannedFile } from "./file-writer.ts";
import { messageBody, testBody } from "./message.ts";
import type { DeliveryWorld } from "./ports.ts";
import {
  type AttemptWorld,
  attemptWebhook,
  type EndedAttempt,
  failedHere,
} from "./webhook-attempt.ts";

export type AttemptParts = Pick<DeliveryWorld, "outputs" | "csv" | "log"> &
  AttemptWorld & { readonly store: DeliveryStore; readonly exportDirectory: string };

export class Attempts {
  readonly #parts: AttemptParts;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
  }

  /** Null when `cancel` ended it and nobody knows what became of it. Never rejects. */
  async make(
    destination: Destination,
    row: DueRow,
    cancel: AbortController,
  ): Promise<EndedAttempt | null> {
    const { clock, log } = this.#parts;
    const at = clock.now();
    try {
      return row.kind === "file"
        ? await this.#file(destination, row, cancel)
        : await this.#message(destination, row, cancel);
    } catch (error) {
      if (cancel.signal.aborted) return null;
      log.warn({ err: error, destinationId: destination.id }, "delivery failed here");
      const isHopeless = error instanceof RecordsGoneError;
      const reason = isHopeless ? error.message : `The attempt failed here (${codeOf(error)}).`;
      const ended = failedHere(reason, { at, endedAt: clock.now(), isReplay: row.isReplay });
      return { ...ended, isHopeless };
    }
  }

  /** A test message, or a probe of the folder. Null as in `make`. Never rejects. */
  async test(
    destination: Destination,
    id: string,
    cancel: AbortController,
  ): Promise<EndedAttempt | null> {
    const { clock, exportDirectory } = this.#parts;
    const { target } = destination;
    const at = clock.now();
    if (target.kind === "webhook") {
      const message = { id, body: testBody(destination, at), isReplay: false };
      return attemptWebhook(destination, message, { ...this.#parts, cancel });
    }
    try {
      await probeFolder(join(exportDirectory, target.folder));
      return this.#succeeded(at, false);
    } catch (error) {
      const reason = `No file can be made in the folder (${codeOf(error)}).`;
      return failedHere(reason, { at, endedAt: clock.now(), isReplay: false });
    }
  }

  async #message(
    destination: Destination,
    row: DueRow,
    cancel: AbortController,
  ): Promise<EndedAttempt | null> {
    const { messageId: id, kind, position, isReplay } = row;
    const isOutput = kind === "metered-record" || kind === "threshold-event";
    const json = isOutput ? this.#parts.outputs.find(kind, position) : undefined;
    const body = json !== undefined && isOutput ? messageBody(kind, json) : null;
    if (body === null) {
      const at = this.#parts.clock.now();
      const reason = "What was to be delivered is no longer stored.";
      return { ...failedHere(reason, { at, endedAt: at, isReplay }), isHopeless: true };
    }
    return attemptWebhook(destination, { id, body, isReplay }, { ...this.#parts, cancel });
  }

  async #file(
    { accountId, target }: Destination,
    row: DueRow,
    { signal }: AbortController,
  ): Promise<EndedAttempt> {
    const { store, outputs, csv, clock, exportDirectory } = this.#parts;
    const at = clock.now();
    const folder = target.kind === "file" ? join(exportDirectory, target.folder) : "";
    const file = store.files.find(row.no, row.position);
    if (!file.wasBegun) store.files.begin(row.no);
    const source = { accountId, outputs, csv };
    const written = await writePlannedFile(folder, file, { source, signal });
    return { ...this.#succeeded(at, row.isReplay), written };
  }

  #succeeded(at: EpochMs, isReplay: boolean): EndedAttempt {
    const endedAt = this.#parts.clock.now();
    const failed = failedHere("", { at, endedAt, isReplay });
    return { ...failed, isSuccess: true, attempt: { ...failed.attempt, error: null } };
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error) return String(error.code);
  return error instanceof Error ? error.name : "unknown";
}
