// Errors that Node or Fastify raise while a request is read, as refusals: what they would send as
// 408, 413, 414, 415, 417 or 431 is 400 (HT4). Anything unknown is our own fault: 500.
import { malformed } from "./admission.ts";
import { badRequest, internalError, type Refusal, unknownPath } from "./problems.ts";
import type { Route } from "./route.ts";

export function edgeFault(error: unknown, route: Route | null): Refusal {
  switch (codeOf(error)) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return bodyTooLarge(route?.request?.bytesMax);
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return badRequest({
        code: "unsupported-content-type",
        detail: "The Content-Type header is malformed.",
      });
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return malformed("The body is not as long as Content-Length says.");
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

function bodyTooLarge(bytesMax: number | undefined): Refusal {
  const bound = bytesMax === undefined ? "what" : `the ${bytesMax} bytes that`;
  const detail = `The body is larger than ${bound} may be sent here; send less at a time.`;
  return badRequest({ code: "body-too-large", detail });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}
