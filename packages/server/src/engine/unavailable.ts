// Why the engine does not take a command, or cannot say what became of it: the problems behind
// every 503 of its own. Each has its heading in docs/problems.md.
import type { Problem } from "../core/problem.ts";

export const stopping: Problem = {
  kind: "unavailable",
  code: "stopping",
  detail: "The engine is stopping; nothing was counted. Retry when it is back.",
};

export const overloaded: Problem = {
  kind: "unavailable",
  code: "overloaded",
  detail: "More requests wait than can be held; nothing was counted. Retry later.",
};

export const clockLeapt: Problem = {
  kind: "unavailable",
  code: "clock-leapt",
  detail: "The server's clock leapt over 400 days; nothing was counted. Its operator must look.",
};

export const storeFull: Problem = {
  kind: "unavailable",
  code: "store-full",
  detail: "The store has no room; nothing was counted. Retry when there is.",
};

export const storeLate: Problem = {
  kind: "unavailable",
  code: "store-late",
  detail:
    "The request was taken and is durable, but the store has no room to list what came of it. It " +
    "will show once there is room; send it again only with record ids.",
};

export const storeFailed: Problem = {
  kind: "unavailable",
  code: "store-failed",
  detail:
    "The store failed. Whether the request was counted shows after the restart; with record ids " +
    "it can be sent again safely.",
};
