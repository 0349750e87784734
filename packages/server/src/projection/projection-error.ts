// Why the projection's file cannot be used. Thrown, not returned: the start stops on it, and
// nothing that a caller of the API sends can bring it about.

export type ProjectionFault =
  /** Written by a newer version. */
  | "newer-format"
  /** An SQLite file of something else; it was not touched. */
  | "not-a-projection"
  /** No SQLite file, or one that the disk or the rights keep us from reading. */
  | "unreadable"
  /** Emptied for a rebuild while somebody was reading a stream from it. */
  | "emptied";

export class ProjectionError extends Error {
  override readonly name = "ProjectionError";
  readonly code: ProjectionFault;

  constructor(code: ProjectionFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
