// Errors that Node, Fastify or we raise while a request is read, as refusals: what they would send as
// 408, 413, 414, 415, 417 or 431 is 400 (HT4). Anything unknown is our own fault: 500.
import { malformed } from "./admission.ts";
import { badRequest, internalError, type Refusal, unknownPath } from "./problems.ts";

/** A body that is not received to its end. */
export class RefusedBody extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

export function edgeFault(error: unknown): Refusal {
  if (error instanceof RefusedBody) return error.refusal;
  switch (codeOf(error)) {
    case "FST_ERR_BAD_URL":
      return malformed("The path is not percent-encoded UTF-8.");
    case "FST_ERR_MAX_PARAM_LENGTH":
      return unknownPath;
    case "ECONNRESET":
    case "ERR_STREAM_PREMATURE_CLOSE":
      return malformed("The connection ended before the body did.");
    default:
      return internalError;
  }
}

export function bodyTooLarge(bytesMax: number): Refusal {
  const detail = `The body is larger than the ${bytesMax} bytes that may be sent here; send less at a time.`;
  return badRequest({ code: "body-too-large", detail });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}
