// A delivery service for tests of routes: it delivers nothing, remembers what it was asked, and
// answers what the test has put in.
import type { Destination } from "../../src/core/destination.ts";
import { fail, notFound, ok, type Problem, type Result } from "../../src/core/problem.ts";
import type { Delivery, DeliveryDesk } from "../../src/http/delivery-desk.ts";

export class FakeDesk implements DeliveryDesk {
  /** Newest first. */
  deliveries: readonly Delivery[] = [];
  /** What everything but listing is refused with; null: nothing is. */
  refusal: Problem | null = null;
  readonly asked: unknown[] = [];

  list(
    _destination: Destination,
    { state, limit, skip }: Parameters<DeliveryDesk["list"]>[1],
  ): ReturnType<DeliveryDesk["list"]> {
    const found = this.deliveries.filter((one) => state === undefined || one.state === state);
    return { items: found.slice(skip, skip + limit), total: found.length };
  }

  async test(destination: Destination): Promise<Result<Delivery>> {
    this.asked.push({ test: destination.id });
    return this.#answer(madeDelivery({ id: "msg_test_1", type: "test", recordId: null }));
  }

  resend(destination: Destination, id: string, by: string): Result<Delivery> {
    this.asked.push({ resend: destination.id, id, by });
    const found = this.deliveries.find((one) => one.id === id);
    return found === undefined ? fail(notFound("delivery")) : this.#answer(found);
  }

  resendRange(
    destination: Destination,
    range: Parameters<DeliveryDesk["resendRange"]>[1],
    by: string,
  ): Result<{ readonly matched: number }> {
    this.asked.push({ resendRange: destination.id, range, by });
    return this.#answer({ matched: this.deliveries.length });
  }

  #answer<T>(value: T): Result<T> {
    return this.refusal === null ? ok(value) : fail(this.refusal);
  }
}

/** A delivery that arrived at its second attempt, with what the test says instead. */
export function madeDelivery(said: Partial<Delivery> = {}): Delivery {
  const at = Date.UTC(2026, 1, 1);
  const failed = { status: 500, answer: "try later", error: "The receiver answered 500." };
  const attempt = { at, durationMs: 12, replay: false };
  return {
    id: "msg_0.12.0",
    type: "metered_record.created",
    recordId: "0.12.0",
    state: "delivered",
    createdAt: at,
    deliveredAt: at + 5_000,
    nextAttemptAt: null,
    attemptCount: 2,
    attempts: [
      { ...attempt, ...failed },
      { ...attempt, at: at + 5_000, status: 204, answer: null, error: null },
    ],
    file: null,
    ...said,
  };
}
