// Guiding rules as callers say them, with the member names of the original's exported node
// (docs/spec/processors.md). A rule whose condition could never be met is refused. How records are
// judged by the rules is guiding-rule.ts's business.
import { canonicalNumber, parseDecimal } from "./decimal.ts";
import {
  type FieldReader,
  type Form,
  fault,
  inside,
  isWhole,
  object,
  type Place,
  readParts,
  wrongKind,
} from "./definition-reader.ts";
import {
  type Condition,
  carryOperations,
  conditionTypes,
  type GuidingRule,
} from "./definitions.ts";
import { flag, listOf, oneOf, optional, text } from "./fields.ts";
import { ExactNumber, isJsonObject, type JsonValue, member } from "./json-value.ts";
import {
  categoryCharactersMax,
  conditionsPerRuleMax,
  fieldsPerGroupByMax,
  groupBysPerRuleMax,
  otherOperationsPerRuleMax,
  recordStringCharactersMax,
  rulesPerProcessorMax,
} from "./limits.ts";

/** 1 to 10 rules, in the order in which they are tried. */
export const guidingRules: FieldReader<readonly GuidingRule[]> = listOf(readRule, {
  min: 1,
  max: rulesPerProcessorMax,
  noun: "rules",
});

function readRule(value: JsonValue | undefined, at: Place): GuidingRule | undefined {
  const form = ruleForm(mayBeUnconditional(value) ? blankCondition : readCondition);
  const parts = readParts(value, at, form);
  if (parts === undefined) return undefined;
  if (parts.ignoreCondition === false && parts.conditions?.length === 0) {
    const range = `must have 1 to ${conditionsPerRuleMax} conditions`;
    const instead = "set ignoreCondition to true for a rule that always holds";
    return fault(inside(at, "conditions"), `${range}; ${instead}`);
  }
  return isWhole(parts, form) ? parts : undefined;
}

/** True as well where `ignoreCondition` is no boolean: that is the one fault to mend first. */
function mayBeUnconditional(value: JsonValue | undefined): boolean {
  if (!isJsonObject(value)) return false;
  return (member(value, "ignoreCondition") ?? false) !== false;
}

/** As a record's strings are bounded, so are the texts that are compared with them. */
const label = text({ min: 0, max: recordStringCharactersMax, asSent: true });
const fieldName = text({ min: 1, max: recordStringCharactersMax, asSent: true });

function ruleForm(condition: FieldReader<Condition>): Form<GuidingRule> {
  return {
    name: "a guiding rule",
    members: {
      customName: optional(label, ""),
      ignoreCondition: optional(flag, false),
      conditionRelation: optional(oneOf(["and", "or"]), "and"),
      conditions: optional(
        listOf(condition, { min: 0, max: conditionsPerRuleMax, noun: "conditions" }),
        [],
      ),
      matchCategory: text({ min: 1, max: categoryCharactersMax }),
      groupBy: optional(listOf(groupBy, { min: 0, max: groupBysPerRuleMax, noun: "entries" }), []),
      otherOperations: optional(
        listOf(otherOperation, { min: 0, max: otherOperationsPerRuleMax, noun: "operations" }),
        [],
      ),
    },
  };
}

const groupBy: FieldReader<GuidingRule["groupBy"][number]> = object({
  name: "a groupBy entry",
  members: { fields: listOf(fieldName, { min: 1, max: fieldsPerGroupByMax, noun: "fields" }) },
});

const otherOperation: FieldReader<GuidingRule["otherOperations"][number]> = object({
  name: "an operation",
  members: { field: fieldName, operation: oneOf(carryOperations) },
});

/** Text as the export writes it; a number or boolean becomes the text that records have of it. */
const conditionValue: FieldReader<string> = (value, at) => {
  if (typeof value === "number" || value instanceof ExactNumber) {
    return label(canonicalNumber(value), at);
  }
  if (typeof value === "boolean") return String(value);
  return typeof value === "string" ? label(value, at) : wrongKind(value, at, "a string");
};

const conditionType = optional(oneOf(conditionTypes), "string");

const conditionForm: Form<Condition> = {
  name: "a condition",
  members: {
    customName: optional(label, ""),
    field: fieldName,
    value: conditionValue,
    type: conditionType,
  },
};

/** What the export writes in a rule without condition: kept, and never judged. */
const blankCondition: FieldReader<Condition> = object({
  name: "a condition",
  members: {
    customName: optional(label, ""),
    field: optional(label, ""),
    value: optional(conditionValue, ""),
    type: conditionType,
  },
});

function readCondition(value: JsonValue | undefined, at: Place): Condition | undefined {
  const parts = readParts(value, at, conditionForm);
  if (parts === undefined) return undefined;
  const { type, value: expected } = parts;
  if (type === "number" && expected !== undefined && !isNumeric(expected)) {
    return fault(inside(at, "value"), "must be a number, as the condition's type is number");
  }
  if (type === "boolean" && expected !== undefined && !["true", "false"].includes(expected)) {
    return fault(inside(at, "value"), 'must be "true" or "false", as the type is boolean');
  }
  return isWhole(parts, conditionForm) ? parts : undefined;
}

/** Conditions compare numbers of any size, so only the spelling can be wrong. */
function isNumeric(expected: string): boolean {
  const parsed = parseDecimal(expected);
  return parsed.ok || parsed.error !== "not-a-number";
}
