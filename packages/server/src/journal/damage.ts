// The typed error for files of ours that cannot be trusted: what is wrong, in which file, at which
// byte, and what a person can do. Damage is never repaired by guessing and never skipped in silence.

/**
 * - `damaged`: content that fails its checks where no crash could have left it so.
 * - `missing`: a file that must exist is not there.
 * - `newer-version`: written by a later release than this one.
 * - `wrong-partition`: the files of another partition.
 */
export type DamageKind = "damaged" | "missing" | "newer-version" | "wrong-partition";

/** Given back by `openJournal` and `readLatestSnapshot`, thrown while replaying. */
export class JournalDamage extends Error {
  override readonly name = "JournalDamage";
  readonly kind: DamageKind;
  readonly file: string;
  /** Byte in `file` at which the faulty part begins; 0 for a missing file. */
  readonly offset: number;

  /** `what` is a sentence that ends without a full stop. */
  constructor(
    kind: DamageKind,
    at: { readonly file: string; readonly offset: number; readonly what: string },
  ) {
    super(`${at.file}, byte ${at.offset}: ${at.what}. ${remedies[kind]}`);
    this.kind = kind;
    this.file = at.file;
    this.offset = at.offset;
  }
}

const remedies: Readonly<Record<DamageKind, string>> = {
  damaged:
    "Nothing was changed. Keep a copy of the data directory, check the disk, and restore the " +
    "latest backup.",
  missing:
    "Nothing was changed. Put the missing file back from where it was moved to, or restore the " +
    "latest backup.",
  "newer-version": "Start the release that wrote it, or a later one.",
  "wrong-partition": "Start with the data directory that belongs to this partition.",
};
