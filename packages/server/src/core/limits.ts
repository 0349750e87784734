// Every bound of the system in one place, with its unit. A loop, queue or buffer without a bound
// is a fault; so is a bound that stands in two places.

/** Bytes of one definition request body (HT). */
export const definitionBodyBytesMax: number = 256 * 1024;
/** Bytes of one usage or bulk request body. */
export const usageBodyBytesMax: number = 4 * 1024 * 1024;
/** Records of one usage request, and lines of one bulk request. */
export const recordsPerRequestMax = 10_000;
/** Nesting of a JSON document; the outermost object or array counts as 1. */
export const jsonDepthMax = 32;
/** Members of one usage record. */
export const recordMembersMax = 64;
/**
 * UTF-16 units of a usage record's names and values together, and one for each value: more than
 * `recordMembersMax` members with the longest names and strings have, so only nested ones meet it.
 */
export const recordCharactersMax: number = 320 * 1024;
/** Characters (code points) of one string in a usage record. */
export const recordStringCharactersMax = 1_000;

export const nameCharactersMax = 80;
export const descriptionCharactersMax = 200;
export const unitCharactersMax = 50;
export const categoryCharactersMax = 50;
export const externalRefCharactersMax = 100;
export const userIdCharactersMax = 320;
export const meterKeyCharactersMax = 36;

export const thresholdsPerTypeMax = 20;
export const thresholdCustomFieldsBytesMax: number = 4 * 1024;
export const customFieldsKeysMax = 50;
export const customFieldsBytesMax: number = 16 * 1024;

export const rulesPerProcessorMax = 10;
export const conditionsPerRuleMax = 10;
export const groupBysPerRuleMax = 10;
export const fieldsPerGroupByMax = 10;
export const otherOperationsPerRuleMax = 50;
/** Distinct groups of one group-by entry of one meter; the rest goes to "__other__" (D-43). */
export const groupsPerBreakdownMax = 1_000;

export const recordIdBytesMax = 256;
export const idWindowDaysMin = 1;
export const idWindowDaysDefault = 35;
export const idWindowDaysMax = 400;

/** Items of one page of a list. */
export const pageItemsMax = 100;
/** Faults listed in one problem body; the rest is counted in errorsOmitted. */
export const faultsListedMax = 100;

/** Meters of a processor that flushType ALL_FILES may flush in one run. */
export const flushedPerRunMax = 10_000;
/** Metered records made by one entry of the scheduler: how long counting may have to wait. */
export const metersPerSweepMax = 1_000;
/** Periods that the commands of one group may close themselves; what needs more waits for sweeps. */
export const closingsPerGroupMax = 100_000;
/** Commands of one group commit; the disk's pace, not this bound, sets the usual size. */
export const groupCommandsMax = 4_096;
/** Bytes of one group commit. */
export const groupBytesMax: number = 8 * 1024 * 1024;
/**
 * Groups that may wait beside the one in flight: whoever is taken waits for four commits, twice as
 * long as where nobody waits, and everyone beyond is answered 503 at once.
 */
const waitingGroupsMax = 3;
export const queuedCommandsMax: number = waitingGroupsMax * groupCommandsMax;
export const queuedBytesMax: number = waitingGroupsMax * groupBytesMax;

/** Years that the search for a next boundary looks ahead (RS13). */
export const scheduleHorizonYears = 41;
/** Items of one list in a reset schedule's field: as many as the widest field has values. */
export const scheduleItemsMax = 60;
