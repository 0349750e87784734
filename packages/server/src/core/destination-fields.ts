// What callers may say of a destination when they make or change one (docs/spec/delivery.md). Which
// addresses a webhook may have is handed in, since only an adapter can take an address apart;
// whether a folder is taken is decided where the entry is applied.
import {
  type FieldReader,
  type Form,
  fault,
  inside,
  isWhole,
  readDefinition,
  readParts,
  readSupplied,
  refusals,
} from "./definition-reader.ts";
import {
  type Destination,
  type DestinationFields,
  type DestinationKind,
  type DestinationOutput,
  type DestinationPatch,
  destinationKinds,
  destinationOutputs,
  type FileFormat,
  fileFormats,
} from "./destination.ts";
import { flag, listOf, oneOf, optional, text } from "./fields.ts";
import { isJsonObject, type JsonValue, member } from "./json-value.ts";
import {
  destinationKeysMax,
  folderCharactersMax,
  meterKeyCharactersMax,
  nameCharactersMax,
  webhookUrlCharactersMax,
} from "./limits.ts";
import type { Fault, Result } from "./problem.ts";

/** The address as it is kept, or what is wrong with it: completes "url: …". */
export type WebhookUrl = (text: string) => Result<string, string>;

/** A new destination with every default, or all faults of the body. */
export function readDestination(
  body: JsonValue,
  webhookUrl: WebhookUrl,
): Result<DestinationFields, readonly Fault[]> {
  return readDefinition(body, (value, at) => {
    switch (kindIn(value)) {
      case "webhook": {
        const form = webhookForm(webhookUrl);
        const parts = readParts(value, at, form);
        if (parts === undefined || !isWhole(parts, form)) return undefined;
        const { kind: _, url, ...fields } = parts;
        return { ...fields, target: { kind: "webhook", url } };
      }
      case "file": {
        const parts = readParts(value, at, fileForm);
        if (parts === undefined || !isWhole(parts, fileForm)) return undefined;
        const { kind: _, folder: plain, format, ...fields } = parts;
        return { ...fields, target: { kind: "file", folder: plain, format } };
      }
      default:
        readParts(value, at, kindlessForm);
        return undefined;
    }
  });
}

/** A change of a destination: the members that were sent, or all faults of the body. */
export function readDestinationPatch(
  body: JsonValue,
  { target }: Pick<Destination, "target">,
  webhookUrl: WebhookUrl,
): Result<DestinationPatch, readonly Fault[]> {
  return readDefinition(body, (value, at) =>
    target.kind === "file"
      ? readSupplied(value, at, filePatchForm)
      : readSupplied(value, at, webhookPatchForm(webhookUrl)),
  );
}

function kindIn(value: JsonValue | undefined): DestinationKind | undefined {
  const sent = isJsonObject(value) ? member(value, "kind") : undefined;
  return destinationKinds.find((kind) => kind === sent);
}

/** A list whose elements differ. */
function distinct<T extends string>(reader: FieldReader<readonly T[]>): FieldReader<readonly T[]> {
  return (value, at) => {
    const read = reader(value, at);
    const faultsBefore = at.faults.length;
    const seen = new Set<unknown>();
    // Beside other faults the list is as it was sent, and what is no text is faulty already.
    for (const [index, item] of (read ?? (Array.isArray(value) ? value : [])).entries()) {
      const isAgain = typeof item === "string" && seen.has(item);
      if (isAgain) fault(inside(at, index), "is in the list already");
      seen.add(item);
    }
    return at.faults.length === faultsBefore ? read : undefined;
  };
}

const outputList = distinct(
  listOf(oneOf(destinationOutputs), { min: 1, max: destinationOutputs.length, noun: "outputs" }),
);

/** Kept in one order, whatever the order sent. */
const outputs: FieldReader<readonly DestinationOutput[]> = (value, at) => {
  const read = outputList(value, at);
  return read === undefined ? undefined : destinationOutputs.filter((one) => read.includes(one));
};

const meterKey = text({
  min: 1,
  max: meterKeyCharactersMax,
  pattern: { matches: /^[A-Za-z0-9_-]+$/, detail: "may hold only letters A to Z, digits, - and _" },
});
const meterKeys = distinct(listOf(meterKey, { min: 0, max: destinationKeysMax, noun: "keys" }));

/** No way out of the export directory, nothing hidden, no end that a file system cuts off. */
const folder = text({
  min: 1,
  max: folderCharactersMax,
  pattern: {
    matches: /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?$/,
    detail:
      "must be a plain name of letters A to Z, digits, dot, _ and -, which begins with a letter " +
      "or digit and does not end with a dot",
  },
});

function urlOf(webhookUrl: WebhookUrl): FieldReader<string> {
  const bounded = text({ min: 1, max: webhookUrlCharactersMax });
  return (value, at) => {
    const sent = bounded(value, at);
    if (sent === undefined) return undefined;
    const judged = webhookUrl(sent);
    return judged.ok ? judged.value : fault(at, judged.error);
  };
}

const name = text({ min: 1, max: nameCharactersMax });

type CommonFields = Omit<DestinationFields, "target">;
type CreateFields = CommonFields & { readonly kind: DestinationKind };

const createMembers: Form<CreateFields>["members"] = {
  kind: oneOf(destinationKinds),
  name,
  outputs: optional(outputs, ["reset"]),
  meterKeys: optional(meterKeys, []),
  enabled: optional(flag, true),
};

const setByEngine = [
  [
    "id",
    "accountId",
    "disabledReason",
    "disabledAt",
    "createdAt",
    "updatedAt",
    "secret",
    "previousSecretExpiresAt",
  ],
  "is set by the engine and cannot be sent",
] as const;
const fileMembers = ["folder", "format"] as const;
const ofFiles = [fileMembers, 'belongs to destinations of the kind "file"'] as const;
const ofWebhooks = [["url"], 'belongs to destinations of the kind "webhook"'] as const;
const fixed = "cannot be changed; create another destination";

function webhookForm(webhookUrl: WebhookUrl): Form<CreateFields & { readonly url: string }> {
  return {
    name: "a webhook destination",
    members: { ...createMembers, url: urlOf(webhookUrl) },
    refused: refusals(setByEngine, ofFiles),
  };
}

const fileForm: Form<CreateFields & { readonly folder: string; readonly format: FileFormat }> = {
  name: "a file destination",
  members: { ...createMembers, folder, format: optional(oneOf(fileFormats), "ndjson") },
  refused: refusals(setByEngine, ofWebhooks),
};

/** Without a kind nothing can be said of what belongs to one, but of all the rest. */
const notJudged: FieldReader<null> = () => null;
const kindlessForm: Form<CreateFields & Record<"url" | "folder" | "format", null>> = {
  name: "a destination",
  members: { ...createMembers, url: notJudged, folder: notJudged, format: notJudged },
  refused: refusals(setByEngine),
};

const patchMembers: Form<CommonFields>["members"] = { name, outputs, meterKeys, enabled: flag };

function webhookPatchForm(webhookUrl: WebhookUrl): Form<CommonFields & { readonly url: string }> {
  return {
    name: "a webhook destination",
    members: { ...patchMembers, url: urlOf(webhookUrl) },
    refused: refusals(setByEngine, [["kind"], fixed], ofFiles),
  };
}

const filePatchForm: Form<CommonFields> = {
  name: "a file destination",
  members: patchMembers,
  refused: refusals(setByEngine, [["kind", ...fileMembers], fixed], ofWebhooks),
};
