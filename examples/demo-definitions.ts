// What the demo meters: an AI assistant (calls, tokens in and out, largest context, by model and
// region) and a printing service (pages against a capacity with thresholds, jobs, longest job, by
// printer). Periods end every two and every five minutes, so that there is something to see.
import type { Client } from "./client.ts";

export const assistantKey = "ai-assistant";
export const printingKey = "printing";

export const assistantUsers = ["ada", "ben", "chidi", "dana", "emeka", "fay", "goro", "hanna"];
export const models = ["swift-1", "swift-1", "swift-1", "deep-2", "deep-2", "vision-1"];
export const regions = ["eu-north", "eu-north", "us-east", "ap-south"];

/** User of the printing service -> what is kept with the meters. */
export const departments: Readonly<Record<string, string>> = {
  ines: "Law",
  jan: "Law",
  kofi: "Sales",
  lena: "Sales",
  mats: "Board",
};
export const printers = ["hall-1", "hall-2", "board-room"];

/** Makes what is not there yet; an earlier demo's data is gone on with. */
export async function define(client: Client): Promise<void> {
  await client.ensure("/meter-processors", assistant);
  await client.ensure("/meter-processors", printing);
  for (const type of assistantTypes) await client.ensure("/meter-types", type);
  for (const type of printingTypes) {
    const meterTypeId = await client.ensure("/meter-types", type);
    for (const [userId, department] of Object.entries(departments)) {
      const customFields = { department };
      const meter = { userId, meterTypeId, meterKey: printingKey, customFields };
      await client.ensure("/meters", meter);
    }
  }
}

/** Meters are made for a user at the first record. */
const assistant = {
  meterKey: assistantKey,
  name: "AI assistant",
  createMeters: true,
  guidingRules: [
    {
      customName: "what goes in",
      conditions: [{ field: "kind", value: "input", type: "string" }],
      matchCategory: "ai-input",
      groupBy: [{ fields: ["model"] }, { fields: ["model", "region"] }],
      otherOperations: [{ field: "model", operation: "carry-last" }],
    },
    {
      customName: "what comes out",
      conditions: [{ field: "kind", value: "output", type: "string" }],
      matchCategory: "ai-output",
      groupBy: [{ fields: ["model"] }],
    },
  ],
};

/** Meters are made beforehand: who has none is told in data correction. */
const printing = {
  meterKey: printingKey,
  name: "Printing service",
  guidingRules: [
    {
      ignoreCondition: true,
      matchCategory: "printing",
      groupBy: [{ fields: ["printer"] }],
      otherOperations: [{ field: "document", operation: "carry-last" }],
    },
  ],
};

const assistantTypes = [
  ofAssistant("AI calls", { unit: "calls", category: "ai-input", type: "increment" }),
  ofAssistant("AI tokens in", { unit: "tokens", category: "ai-input", type: "sum" }),
  ofAssistant("AI largest context", { unit: "tokens", category: "ai-input", type: "max" }),
  ofAssistant("AI tokens out", { unit: "tokens", category: "ai-output", type: "sum" }),
];

const printingTypes = [
  {
    ...ofPrinting("Printed pages", "pages", "sum"),
    capacity: 200,
    thresholds: [
      { name: "nearly used up", capacityPercentage: 80 },
      { name: "more than agreed", absoluteValue: 250 },
    ],
  },
  ofPrinting("Print jobs", "jobs", "increment"),
  ofPrinting("Longest print job", "pages", "max"),
];

interface Counted {
  readonly unit: string;
  readonly category: string;
  readonly type: string;
}

function ofAssistant(name: string, { unit, category, type }: Counted): Record<string, unknown> {
  return { name, unit, category, aggregation: { type }, ...every(2) };
}

function ofPrinting(name: string, unit: string, type: string): Record<string, unknown> {
  return { name, unit, category: "printing", aggregation: { type }, ...every(5) };
}

function every(minutes: number): Record<string, unknown> {
  const resetSchedule = { minute: `*/${minutes}`, hour: "*", day: "*", month: "*", weekday: "*" };
  return { timezone: "Etc/UTC", resetSchedule };
}
