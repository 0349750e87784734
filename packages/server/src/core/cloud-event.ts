// One CloudEvent 1.0 in the JSON format: which parts of it are the usage record. What the event
// lacks as a CloudEvent makes it a faulty record; what its data lacks is for the judging to say.
import { isJsonObject, type JsonObject, type JsonValue, member } from "./json-value.ts";
import { recordMembersMax } from "./limits.ts";
import { fail, ok, type Result } from "./problem.ts";
import { hasMoreMembers } from "./record-bounds.ts";

/** What usage makes of an event. */
export interface CloudEventParts {
  /** `data`, with `userId` from `subject` and `timestamp` from `time` where it has none. */
  readonly fields: JsonObject;
  /** Source, a space, and id: unique by the CloudEvents specification. */
  readonly fallbackId: string;
  /** Every attribute of the event. */
  readonly attributes: JsonObject;
}

/** The parts of an event, or a sentence that says why it cannot be used (UB14 to UB16). */
export function readCloudEvent(value: JsonValue): Result<CloudEventParts, string> {
  if (!isJsonObject(value)) return fail("A CloudEvent must be a JSON object.");
  if (member(value, "specversion") !== "1.0") {
    return fail('The CloudEvent\'s specversion must be "1.0".');
  }
  const source = member(value, "source");
  const id = member(value, "id");
  if (!isText(source)) return fail(textExpected("source"));
  if (!isText(id)) return fail(textExpected("id"));
  if (!isText(member(value, "type"))) return fail(textExpected("type"));
  const data = member(value, "data");
  if (!isJsonObject(data)) {
    return fail("The CloudEvent's data must be a JSON object: it is the usage record.");
  }
  if (hasMoreMembers(data)) {
    return fail(`The CloudEvent's data may have at most ${recordMembersMax} members.`);
  }
  const { data: _data, ...attributes } = value;
  return ok({ fields: withDefaults(data, value), fallbackId: `${source} ${id}`, attributes });
}

function withDefaults(data: JsonObject, event: JsonObject): JsonObject {
  const subject = isMissing(member(data, "userId")) ? member(event, "subject") : undefined;
  const time = isMissing(member(data, "timestamp")) ? member(event, "time") : undefined;
  const fields: Record<string, JsonValue> = { ...data };
  if (isText(subject)) fields.userId = subject;
  if (isText(time)) fields.timestamp = time;
  return fields;
}

function textExpected(name: string): string {
  return `The CloudEvent's ${name} must be a string that is not empty.`;
}

function isMissing(value: JsonValue | undefined): boolean {
  return value === undefined || value === null || value === "";
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string" && value !== "";
}
