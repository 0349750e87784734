// The bytes of one body as they come, up to the route's bound. A large one waits for its place before
// it is read from the socket (large-bodies.ts), whether its length was announced or has shown; a small
// one never does. Must end exactly once, however the connection ends.
import type { IncomingMessage } from "node:http";
import { largeCommandBytesMin } from "../core/limits.ts";
import { overloaded } from "../engine/unavailable.ts";
import { malformed } from "./admission.ts";
import { announcedBytes } from "./body.ts";
import { bodyTooLarge, RefusedBody } from "./edge-faults.ts";
import type { LargeBodies, LargeBody } from "./large-bodies.ts";
import { pacedReads } from "./paced-reads.ts";
import { type Refusal, refusalOf } from "./problems.ts";
import { type Arrived, refusalUnread } from "./reading-turns.ts";
import type { Route } from "./route.ts";

export interface BodySource {
  readonly raw: IncomingMessage;
  readonly route: Route;
  readonly places: LargeBodies;
}

/** Told the fault, or null when the body has come. */
type Done = (error: Error | null) => void;

export class IncomingBody implements LargeBody, Arrived {
  bytes = 0;
  /** Bytes that have come. */
  length = 0;
  isComplete = false;
  readonly #source: BodySource;
  readonly #done: Done;
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #isLarge = false;

  constructor(source: BodySource, done: Done) {
    this.#source = source;
    this.#done = done;
    this.#bytesMax = source.route.request?.bytesMax ?? 0;
  }

  /** Begins to receive it, or to wait. */
  receive(): void {
    const { raw } = this.#source;
    const announced = announcedBytes(raw);
    if (announced > this.#bytesMax) {
      this.#refuse(bodyTooLarge(this.#bytesMax));
      return;
    }
    const isLarge = announced >= largeCommandBytesMin;
    if (isLarge) raw.pause();
    raw.on("data", this.#onData).on("end", this.#onEnd);
    raw.on("error", this.#fail).on("close", this.#onClose);
    if (isLarge) this.#enter(announced);
  }

  /** All that came; it is not kept here. */
  take(): Buffer {
    const chunks = this.#chunks;
    this.#chunks = [];
    const [first] = chunks;
    return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, this.length);
  }

  /** A large one is about to be read, or never will be: the next may come. */
  leave(): void {
    if (this.#isLarge) this.#source.places.leave(this);
  }

  begin(): void {
    const { raw, route } = this.#source;
    const problem = refusalUnread(route, this.bytes);
    if (problem === null) raw.resume();
    else this.#refuse(refusalOf(problem));
  }

  refuse(): void {
    this.#refuse(refusalOf(overloaded));
  }

  #enter(bytes: number): void {
    this.bytes = bytes;
    this.#isLarge = true;
    this.#source.places.enter(this);
  }

  readonly #onData = (chunk: Buffer): void => {
    const { raw, places } = this.#source;
    this.length += chunk.length;
    if (this.length > this.#bytesMax) {
      this.#refuse(bodyTooLarge(this.#bytesMax));
      return;
    }
    this.#chunks.push(chunk);
    if (this.#isLarge) {
      if (!places.came(this, chunk.length)) pacedReads.pause(raw);
    } else if (this.length >= largeCommandBytesMin) {
      raw.pause();
      this.#enter(this.#bytesMax);
    }
  };

  readonly #onEnd = (): void => {
    const { raw } = this.#source;
    const isWhole = Number(raw.headers["content-length"] ?? this.length) === this.length;
    if (!isWhole) {
      this.#refuse(malformed("The body is not as long as Content-Length says."));
      return;
    }
    // The listeners may stay: nothing comes of a complete body but that its connection closes.
    this.isComplete = true;
    this.#done(null);
  };

  readonly #onClose = (): void => {
    if (!this.isComplete)
      this.#fail(Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" }));
  };

  #refuse(refusal: Refusal): void {
    this.#fail(new RefusedBody(refusal));
  }

  readonly #fail = (error: Error): void => {
    if (this.isComplete) return;
    this.#detach();
    this.#chunks = [];
    this.leave();
    this.#done(error);
  };

  #detach(): void {
    const { raw } = this.#source;
    raw.off("data", this.#onData).off("end", this.#onEnd);
    raw.off("error", this.#fail).off("close", this.#onClose);
  }
}
