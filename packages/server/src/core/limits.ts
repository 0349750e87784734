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

export const destinationsPerAccountMax = 100;
/** Meter keys that one destination may name. */
export const destinationKeysMax = 100;
export const webhookUrlCharactersMax = 2_000;
export const folderCharactersMax = 80;

export const recordIdBytesMax = 256;
export const idWindowDaysMin = 1;
export const idWindowDaysDefault = 35;
export const idWindowDaysMax = 400;

/** Items of one action on data correction. */
export const correctionItemsPerActionMax = 100_000;
/** Unfinished actions of one account; each takes some 1.2 MB at most. */
export const correctionActionsPerAccountMax = 10;
/** Items of one entry of an action, and UTF-16 units of their texts: how long counting may wait. */
export const correctionItemsPerEntryMax = 200;
export const correctionUnitsPerEntryMax: number = 512 * 1024;

/** Items of one page of a list. */
export const pageItemsMax = 100;
/** Faults listed in one problem body; the rest is counted in errorsOmitted. */
export const faultsListedMax = 100;

/** Seconds that an ended period may wait for late usage. */
export const settlingSecondsMax = 604_800;
/** Ended periods of one meter that may wait; the next one flushes the oldest. */
export const waitingPeriodsMax = 4;
/** Meters of a processor that flushType ALL_FILES may flush in one run. */
export const flushedPerRunMax = 10_000;
/** Metered records made by one entry of the scheduler while nobody writes. */
export const metersPerSweepMax = 1_000;
/** The same while somebody writes and commits are quick: how long counting may have to wait. */
export const metersPerBusySweepMin = 250;
/** Meters that are closed in about a millisecond: closing may take as long as the last commits. */
export const metersPerCommitMs = 30;
/** Periods that the commands of one group may close themselves; what needs more waits for sweeps. */
export const closingsPerGroupMax = 100_000;
/** Such periods beyond which a group takes no further command. */
export const closingsPerGroupAim = 500;

/** Rough bytes of a command that is large: small ones need not wait behind it. */
export const largeCommandBytesMin: number = 64 * 1024;
/** Small commands of one group commit; the disk's pace, not this bound, sets the usual size. */
export const groupCommandsMax = 4_096;
/** Bytes of small commands, and bytes of large ones, after which a group takes no more of them. */
export const groupBytesMax: number = 1024 * 1024;
/**
 * Milliseconds that a command should wait at most, at the pace of the last groups. What cannot be
 * reached by then is answered 503 at once.
 */
export const queueWaitMsMax = 500;
/** Groups' worth of small and of large commands that may wait, however quick the groups are. */
export const waitingSmallGroupsMax = 3;
export const waitingLargeGroupsMax = 16;
/** Changes that may wait, of which each group takes one. */
export const queuedChangesMax = 256;
/** Commands that may wait in all, and their bytes but for the last ones taken, which may pass it. */
export const queuedCommandsMax: number =
  waitingSmallGroupsMax * groupCommandsMax +
  (waitingLargeGroupsMax * groupBytesMax) / largeCommandBytesMin +
  queuedChangesMax;
export const queuedBytesMax: number =
  (waitingSmallGroupsMax + waitingLargeGroupsMax) * groupBytesMax;
/** Bytes of large bodies that are received, or have come and wait to be read, at a time. */
export const receivedBytesMax: number = 8 * 1024 * 1024;
/** Large bodies that may wait until they may come, each for `queueWaitMsMax`. */
export const waitingBodiesMax = 256;
/** Milliseconds between two looks at who sends slowly, while somebody waits. */
export const receivingLookMs = 100;
/** Bytes of a large body that must come between two looks, lest it loses its place. */
export const receivingBytesMin: number = 1024 * 1024;
/** Bytes of large bodies that lost their place and still come, as announced. */
export const slowBodiesBytesMax: number = 64 * 1024 * 1024;
/** Reads of sockets in a turn of the event loop for bodies that come slowly or are thrown away. */
export const pacedReadsMax = 8;
/**
 * Turns of the event loop from one large body that is read to the next. Reading takes long, and a turn
 * takes one new connection only.
 */
export const turnsBetweenReads = 32;

/** Years that the search for a next boundary looks ahead (RS13). */
export const scheduleHorizonYears = 41;
/** Items of one list in a reset schedule's field: as many as the widest field has values. */
export const scheduleItemsMax = 60;
