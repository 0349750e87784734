// Posts one message to one receiver and reads what it answers: bounded in bytes by itself, in time
// by the caller's signal. Follows no redirect, decompresses nothing, connects only to addresses
// that the guard lets pass. Never rejects: whatever a receiver does becomes an answer or a reason.
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import * as http from "node:http";
import * as https from "node:https";
import {
  assertLiteral,
  guardedLookup,
  RefusedAddressError,
  type Resolve,
} from "./address-resolver.ts";

export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export type WebhookAnswer =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly retryAfter: string | null;
      /** The first KiB of the body; null when it is empty. */
      readonly text: string | null;
    }
  /** `reason` is one sentence for the destination's owner. */
  | { readonly kind: "unanswered"; readonly reason: string };

export interface WebhookSender {
  /** Aborted, it ends at once with what is known. */
  send(request: WebhookRequest, signal: AbortSignal): Promise<WebhookAnswer>;
  /** Closes connections that are kept for the next message. */
  close(): void;
}

/** Bytes of an answer that are read, head and body each. */
const answerBytesMax: number = 64 * 1024;
const headBytesMax: number = 16 * 1024;
/** Bytes of an answer's body that are kept. */
const keptBytesMax = 1_024;
/** A connection without a message is kept so long, and as many as a destination has attempts. */
const idleMs = 4_000;
const idleSocketsMax = 8;

export interface SenderOptions {
  readonly allowPrivate: boolean;
  readonly resolve: Resolve;
}

export function createWebhookSender({ allowPrivate, resolve }: SenderOptions): WebhookSender {
  const kept = { keepAlive: true, maxFreeSockets: idleSocketsMax, timeout: idleMs };
  const agents = { plain: new http.Agent(kept), secure: new https.Agent(kept) };
  const lookup = guardedLookup(resolve, allowPrivate);
  return {
    async send(request, signal): Promise<WebhookAnswer> {
      const url = URL.parse(request.url);
      const isPlain = url?.protocol === "http:";
      if (url === null || (isPlain ? !allowPrivate : url.protocol !== "https:")) {
        return { kind: "unanswered", reason: "The URL is none that a webhook can have." };
      }
      const host = url.hostname.replace(/^\[|\]$/g, "");
      try {
        assertLiteral(host, allowPrivate);
      } catch (error) {
        return { kind: "unanswered", reason: reasonOf(error) };
      }
      const agent = isPlain ? agents.plain : agents.secure;
      const options = { ...optionsOf(url, host, request), lookup, signal };
      const first = await post(url.protocol, { ...options, agent }, request.body);
      // A kept connection that the receiver closed meanwhile says nothing of the receiver.
      if (!first.isStale || signal.aborted) return first.answer;
      return (await post(url.protocol, { ...options, agent: false }, request.body)).answer;
    },
    close(): void {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

function optionsOf(url: URL, host: string, { headers, body }: WebhookRequest): RequestOptions {
  return {
    method: "POST",
    host,
    port: url.port === "" ? null : url.port,
    path: `${url.pathname}${url.search}`,
    headers: { ...headers, "content-length": body.length },
    maxHeaderSize: headBytesMax,
  };
}

interface Posted {
  readonly answer: WebhookAnswer;
  /** A connection used before was reset before it answered. */
  readonly isStale: boolean;
}

function post(protocol: string, options: RequestOptions, body: Uint8Array): Promise<Posted> {
  return new Promise((resolve) => {
    const secure = { ...options, rejectUnauthorized: true };
    const request = protocol === "https:" ? https.request(secure) : http.request(options);
    let isAnswered = false;
    const refuse = (reason: string): void => {
      request.destroy();
      resolve({ answer: { kind: "unanswered", reason }, isStale: false });
    };
    request.once("response", (response) => {
      isAnswered = true;
      void readAnswer(request, response).then((answer) => resolve({ answer, isStale: false }));
    });
    // A connection that was used before has read earlier answers.
    let began = 0;
    request.once("socket", (socket) => {
      began = socket.bytesRead;
    });
    for (const event of ["information", "continue"]) {
      request.on(event, () => {
        const read = (request.socket?.bytesRead ?? 0) - began;
        if (read > answerBytesMax) refuse("The receiver sent interim answers without end.");
      });
    }
    request.once("upgrade", (_response, socket) => {
      socket.destroy();
      refuse("The receiver answered 101 and wants another protocol.");
    });
    request.once("error", (error) => {
      // The status stands already; what ended the answer's body is told to its reader.
      if (isAnswered) return;
      const isStale = request.reusedSocket && codeOf(error) === "ECONNRESET";
      resolve({ answer: { kind: "unanswered", reason: reasonOf(error) }, isStale });
    });
    // Whatever else ends a request without an answer; after an answer it changes nothing.
    request.once("close", () => {
      if (!isAnswered) refuse("The receiver closed the connection.");
    });
    request.end(body);
  });
}

/** The status stands as soon as it is read; what becomes of the body changes nothing about it. */
function readAnswer(request: ClientRequest, response: IncomingMessage): Promise<WebhookAnswer> {
  return new Promise((resolve) => {
    const status = response.statusCode ?? 0;
    const retryAfter = response.headers["retry-after"] ?? null;
    const kept: Buffer[] = [];
    let keptBytes = 0;
    let readBytes = 0;
    const end = (): void => {
      const text = keptBytes === 0 ? null : textOf(Buffer.concat(kept));
      resolve({ kind: "answered", status, retryAfter, text });
    };
    response.on("data", (chunk: Buffer) => {
      const part = chunk.subarray(0, keptBytesMax - keptBytes);
      if (part.length > 0) kept.push(Buffer.from(part));
      keptBytes += part.length;
      readBytes += chunk.length;
      if (readBytes > answerBytesMax) request.destroy();
    });
    response.once("end", end);
    response.once("error", end);
    response.once("close", end);
  });
}

/** Well-formed text whatever the bytes; a character cut in two at the end is left out. */
function textOf(bytes: Uint8Array): string {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: true });
  return text.replaceAll("\0", "\ufffd");
}

/** Sentences for what happens often, by the code of the error. */
const reasons: Readonly<Record<string, string>> = {
  ABORT_ERR: "The receiver did not answer in time.",
  ECONNREFUSED: "The connection was refused.",
  ECONNRESET: "The receiver reset the connection.",
  EHOSTUNREACH: "The receiver's network cannot be reached.",
  ENETUNREACH: "The receiver's network cannot be reached.",
  ENODATA: "The host name has no address.",
  ENOTFOUND: "The host name does not exist.",
  EPIPE: "The receiver closed the connection.",
  ETIMEDOUT: "The connection was not taken in time.",
  ETIMEOUT: "The host name was not resolved in time.",
  EAI_AGAIN: "The host name was not resolved in time.",
  EPROTO: "The receiver does not speak TLS.",
  HPE_HEADER_OVERFLOW: "The head of the answer is too long.",
};

function reasonOf(error: unknown): string {
  if (error instanceof RefusedAddressError) return error.message;
  if (error instanceof AggregateError && error.errors[0] !== undefined) {
    return reasonOf(error.errors[0]);
  }
  const code = codeOf(error);
  const known = reasons[code];
  if (known !== undefined) return known;
  if (code.startsWith("HPE_")) return "The answer is no HTTP.";
  if (code.startsWith("ERR_SSL_")) return "The receiver does not speak TLS as it should.";
  if (/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS_/.test(code)) {
    return `The receiver's certificate is not valid (${code}).`;
  }
  return code === "" ? "The request failed." : `The request failed (${code}).`;
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : "";
  return typeof code === "string" ? code : "";
}
