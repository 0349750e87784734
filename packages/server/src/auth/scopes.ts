// The table of scopes: what an application access may be granted and what an operation may ask
// for (AU18). The first eight belong to the published API, the rest to our own
// operations. A name that is not in this table is never granted and never asked for.

export const scopes = {
  "create:meter_types": "Create meter types.",
  "read:meter_types": "List and read meter types.",
  "update:meter_types": "Change meter types.",
  "delete:meter_types": "Delete meter types.",
  "create:meters": "Create meters, one or many at a time.",
  "read:meters": "List and read meters.",
  "update:meters": "Change meters.",
  "delete:meters": "Delete meters.",
  "create:meter_processors": "Create meter processors.",
  "read:meter_processors": "List and read meter processors, and preview usage.",
  "update:meter_processors": "Change meter processors.",
  "delete:meter_processors": "Delete meter processors.",
  "create:usage_records": "Send usage records.",
  "read:metered_records": "List metered records and threshold events.",
  "create:destinations": "Create destinations, which metered records and threshold events go to.",
  "read:destinations": "List and read destinations and their deliveries.",
  "update:destinations": "Change, test and enable destinations, rotate secrets, send again.",
  "delete:destinations": "Delete destinations.",
  "read:data_correction": "List records in data correction.",
  "update:data_correction": "Correct, reprocess and delete records in data correction.",
  "read:usage_audit": "List the usage audit.",
} as const;

export type Scope = keyof typeof scopes;

/** Every scope, sorted: what the first application access of an account is granted. */
export const allScopes: readonly Scope[] = (Object.keys(scopes) as Scope[]).sort();

/** True for a name in the table, spelled exactly. */
export function isScope(name: string): name is Scope {
  return Object.hasOwn(scopes, name);
}
