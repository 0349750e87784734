// Writes the sections of a snapshot to a new file in synced pieces, so that neither memory nor the
// system's unwritten pages grow with the snapshot and the journal's syncs are not held up by it.

import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { assert } from "../core/problem.ts";
import type { Section } from "../core/snapshot.ts";
import { ownBuffer } from "./bytes.ts";
import type { Disk, DiskFile } from "./disk.ts";
import {
  encodeFrameHead,
  encodeSnapshotHead,
  type SnapshotPlace,
  sectionBytesMax,
} from "./snapshot-format.ts";

/** Gives the bytes written; all of them are durable, the file's name is not. Throws `DiskError`. */
export async function writeSections(
  disk: Disk,
  path: string,
  snapshot: SnapshotPlace & { readonly sections: Iterable<Section> | AsyncIterable<Section> },
): Promise<number> {
  const output = new PieceWriter(await disk.create(path));
  try {
    await output.write(encodeSnapshotHead(snapshot));
    let count = 0;
    for await (const section of snapshot.sections) {
      await writeSection(output, section);
      count += 1;
    }
    await output.write(
      encodeFrameHead({ type: "end", nameBytes: 0, length: count, contentCrc: 0 }),
    );
    return await output.flush();
  } finally {
    await output.close();
  }
}

async function writeSection(output: PieceWriter, section: Section): Promise<void> {
  // Read once: a section may be built at each reading.
  const text = "text" in section ? section.text : null;
  assert(text === null || text.isWellFormed(), `section ${section.name} has a lone surrogate`);
  const name = Buffer.from(section.name);
  const payload = "text" in section ? Buffer.from(text ?? "") : section.bytes;
  assert(payload.length <= sectionBytesMax, `section ${section.name} is too large`);
  const head = encodeFrameHead({
    type: text === null ? "bytes" : "text",
    nameBytes: name.length,
    length: payload.length,
    contentCrc: crc32(payload, crc32(name)),
  });
  await output.write(head);
  await output.write(name);
  await output.write(payload);
}

const pieceBytes = 4 * 1024 * 1024;
/** Room to begin with: most snapshots are small. */
const pieceBytesFirst = 64 * 1024;

class PieceWriter {
  readonly #file: DiskFile;
  #piece = ownBuffer(pieceBytesFirst);
  #used = 0;
  #position = 0;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let from = 0;
    while (from < bytes.length) {
      this.#makeRoom(bytes.length - from);
      const part = bytes.subarray(from, from + this.#piece.length - this.#used);
      this.#piece.set(part, this.#used);
      this.#used += part.length;
      from += part.length;
      if (this.#used === pieceBytes) {
        await this.flush();
        this.#piece = ownBuffer(pieceBytes);
      }
    }
  }

  /** For so many bytes more, or for a whole piece. */
  #makeRoom(bytes: number): void {
    const needed = Math.min(pieceBytes, this.#used + bytes);
    if (needed <= this.#piece.length) return;
    const larger = ownBuffer(Math.min(pieceBytes, Math.max(needed, this.#piece.length * 2)));
    this.#piece.copy(larger, 0, 0, this.#used);
    this.#piece = larger;
  }

  /** Gives the size of the file. */
  async flush(): Promise<number> {
    if (this.#used > 0) {
      const piece = this.#used === pieceBytes ? this.#piece : this.#lastPiece();
      const length = this.#used;
      this.#used = 0;
      await this.#file.writeDurably(this.#position, piece);
      this.#position += length;
    }
    return this.#position;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #lastPiece(): Buffer<ArrayBuffer> {
    const piece = ownBuffer(this.#used);
    this.#piece.copy(piece, 0, 0, this.#used);
    return piece;
  }
}
