// Changes of destinations, decided when they are applied. What is delivered, and how far, is not
// known here: the delivery service follows these tables and comes back with one entry alone, the one
// that disables a destination.
import {
  type Destination,
  type DestinationPatch,
  type DrawnSecret,
  secretOverlapMs,
  type WebhookSecret,
} from "./destination.ts";
import {
  findDestination,
  folderOwner,
  putDestination,
  removeDestination,
} from "./destination-table.ts";
import type {
  CreateDestination,
  DeleteDestination,
  DisableDestination,
  PatchDestination,
  RotateDestinationSecret,
} from "./entry.ts";
import { destinationsPerAccountMax } from "./limits.ts";
import type { Outcome } from "./outcome.ts";
import type { Effects } from "./period.ts";
import { assert, notFound, type Problem, unreachable } from "./problem.ts";

export function changeDestinations(
  effects: Effects,
  entry:
    | CreateDestination
    | PatchDestination
    | DeleteDestination
    | RotateDestinationSecret
    | DisableDestination,
): Outcome {
  switch (entry.kind) {
    case "create-destination":
      return createDestination(effects, entry);
    case "patch-destination":
      return patchDestination(effects, entry);
    case "delete-destination":
      return deleteDestination(effects, entry);
    case "rotate-destination-secret":
      return rotateDestinationSecret(effects, entry);
    case "disable-destination":
      return disableDestination(effects, entry);
    default:
      return unreachable(entry);
  }
}

function createDestination(effects: Effects, entry: CreateDestination): Outcome {
  const { state, now, seq } = effects;
  const { id, accountId, fields } = entry;
  const problem = inTheWay(effects, entry);
  if (problem !== null) return refused(problem);
  const { target, enabled, ...said } = fields;
  const destination: Destination = {
    ...said,
    id,
    accountId,
    target: target.kind === "file" ? target : { ...target, secrets: firstSecret(effects, entry) },
    enabled,
    disabledReason: enabled ? null : "REQUESTED",
    disabledAt: enabled ? null : now,
    enabledAt: now,
    createdAt: now,
    updatedAt: now,
    createdSeq: seq,
    changedSeq: seq,
  };
  putDestination(state, destination);
  return { kind: "destination", destination };
}

function patchDestination(effects: Effects, entry: PatchDestination): Outcome {
  const found = findDestination(effects.state, entry.accountId, entry.id);
  if (found === undefined) return refused(notFound("destination"));
  if (Object.keys(entry.patch).length === 0) return { kind: "destination", destination: found };
  const { url, ...said } = entry.patch;
  const { target } = found;
  assert(url === undefined || target.kind === "webhook", "only webhooks have an address");
  return changed(effects, {
    ...found,
    ...said,
    ...switched(effects, found, entry.patch),
    target: target.kind === "webhook" && url !== undefined ? { ...target, url } : target,
  });
}

function deleteDestination(effects: Effects, entry: DeleteDestination): Outcome {
  const found = findDestination(effects.state, entry.accountId, entry.id);
  if (found === undefined) return refused(notFound("destination"));
  removeDestination(effects.state, found);
  return { kind: "deleted" };
}

/** The secret before the new one signs for a day more; one that is still older ends now (DV23). */
function rotateDestinationSecret(effects: Effects, entry: RotateDestinationSecret): Outcome {
  const found = findDestination(effects.state, entry.accountId, entry.id);
  if (found === undefined) return refused(notFound("destination"));
  const { target } = found;
  if (target.kind === "file") {
    const detail = "A destination of the kind file has no secret.";
    return refused({ kind: "conflict", code: "no-secret", detail });
  }
  const expiresAt = effects.now + secretOverlapMs;
  const previous = target.secrets.slice(0, 1).map((secret) => ({ ...secret, expiresAt }));
  const secrets = [fresh(effects, entry.secret), ...previous];
  return changed(effects, { ...found, target: { ...target, secrets } });
}

/** By the delivery service, for what it saw; a change that came first makes that void (DV18). */
function disableDestination(effects: Effects, entry: DisableDestination): Outcome {
  const found = findDestination(effects.state, entry.accountId, entry.id);
  if (found === undefined) return refused(notFound("destination"));
  if (!found.enabled || found.changedSeq !== entry.changedSeq) {
    return { kind: "destination", destination: found };
  }
  const { reason: disabledReason } = entry;
  return changed(effects, { ...found, enabled: false, disabledReason, disabledAt: effects.now });
}

function inTheWay({ state }: Effects, { accountId, fields }: CreateDestination): Problem | null {
  const account = state.accounts.get(accountId);
  assert(account !== undefined, "a token's account exists");
  if (account.destinations.size >= destinationsPerAccountMax) {
    const detail = `The account has ${destinationsPerAccountMax} destinations; delete one first.`;
    return { kind: "conflict", code: "too-many-destinations", detail };
  }
  const { target } = fields;
  const owner = target.kind === "file" ? folderOwner(state, target.folder) : undefined;
  if (target.kind !== "file" || owner === undefined) return null;
  const detail = `The folder ${target.folder} is taken; choose another name.`;
  const taken = { kind: "conflict", code: "folder-taken", detail } as const;
  if (!account.destinations.has(owner)) return taken;
  return { ...taken, existing: { collection: "destinations", id: owner } };
}

function firstSecret(effects: Effects, { secret }: CreateDestination): readonly WebhookSecret[] {
  assert(secret !== null, "a webhook is made with a secret");
  return [fresh(effects, secret)];
}

function fresh({ now }: Effects, { id, sealed }: DrawnSecret): WebhookSecret {
  return { id, sealed, createdAt: now, expiresAt: null };
}

/** What turning a destination on or off changes besides; nothing where it is so already. */
function switched(
  { now }: Effects,
  found: Destination,
  { enabled }: DestinationPatch,
): Partial<Destination> {
  if (enabled === undefined || enabled === found.enabled) return {};
  return enabled
    ? { disabledReason: null, disabledAt: null, enabledAt: now }
    : { disabledReason: "REQUESTED", disabledAt: now };
}

function changed({ state, now, seq }: Effects, changes: Destination): Outcome {
  const destination = { ...changes, updatedAt: now, changedSeq: seq };
  putDestination(state, destination);
  return { kind: "destination", destination };
}

function refused(problem: Problem): Outcome {
  return { kind: "refused", problem };
}
