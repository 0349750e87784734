// Reads the blocks of one segment file in order, through a window of bounded size, and judges what
// it cannot read: the torn end of the last write, which may be cut, or damage, which may not.
import {
  type BlockHead,
  blockHeadBytes,
  blockMagic,
  isPayloadSound,
  lastSeqOf,
  parseBlockHead,
} from "./blocks.ts";
import type { Disk } from "./disk.ts";
import { FileWindow } from "./file-window.ts";

export interface FoundBlock {
  readonly found: "block";
  readonly offset: number;
  readonly head: BlockHead;
  /** A view that the next call may overwrite. */
  readonly payload: Uint8Array;
}

export interface FoundEnd {
  readonly found: "end";
}

export interface FoundFault {
  readonly found: "fault";
  readonly offset: number;
  /** What is wrong, without a full stop. */
  readonly what: string;
  /** True when a write that was never acknowledged can look like this, at the end of a journal. */
  readonly torn: boolean;
}

/** One pass over a file that nobody shortens meanwhile. */
export class BlockReader {
  readonly #window: FileWindow;
  #offset: number;
  #previousSeq: number;

  /** `size` bounds the reading: bytes after it are not looked at. */
  constructor(
    disk: Disk,
    file: { readonly path: string; readonly size: number; readonly offset: number },
    previousSeq: number,
  ) {
    this.#window = new FileWindow(disk, file.path, file.size);
    this.#offset = file.offset;
    this.#previousSeq = previousSeq;
  }

  /** Where the next block begins, or the end of the sound part. */
  get offset(): number {
    return this.#offset;
  }

  /** The last entry of the blocks found so far. */
  get previousSeq(): number {
    return this.#previousSeq;
  }

  async next(): Promise<FoundBlock | FoundEnd | FoundFault> {
    const offset = this.#offset;
    if (offset === this.#window.size) return { found: "end" };
    const head = parseBlockHead(await this.#window.bytesAt(offset, blockHeadBytes));
    if (head === null) return await this.#judgeNoHead(offset);
    if (head.previousSeq !== this.#previousSeq) {
      const what =
        `the block here follows entry ${head.previousSeq}, ` +
        `but the last one read is ${this.#previousSeq}`;
      return { found: "fault", offset, what, torn: false };
    }
    const payload = await this.#window.bytesAt(offset + blockHeadBytes, head.payloadBytes);
    const end = offset + blockHeadBytes + head.payloadBytes;
    if (!isPayloadSound(head, payload)) {
      // Whatever follows was begun only after this block had become durable.
      const torn = end >= this.#window.size;
      const range = `${head.firstSeq} to ${lastSeqOf(head)}`;
      return { found: "fault", offset, what: `the block of entries ${range} is damaged`, torn };
    }
    this.#offset = end;
    this.#previousSeq = lastSeqOf(head);
    return { found: "block", offset, head, payload };
  }

  /** To be awaited by whoever stops reading, before the disk is closed. */
  async rest(): Promise<void> {
    await this.#window.rest();
  }

  async #judgeNoHead(offset: number): Promise<FoundFault> {
    const later = await this.#findHead(offset + 1);
    const after = `the block after entry ${this.#previousSeq} is damaged`;
    if (later === null) return { found: "fault", offset, what: after, torn: true };
    const what = `${after}, and at byte ${later} a sound block follows`;
    return { found: "fault", offset, what, torn: false };
  }

  /** Offset of the next sound head of a block, whatever it belongs to. */
  async #findHead(from: number): Promise<number | null> {
    let offset = from;
    while (offset + blockHeadBytes <= this.#window.size) {
      const bytes = await this.#window.bytesAt(offset, searchBytes);
      const at = bytes.indexOf(blockMagic);
      if (at === -1) {
        // The magic may begin in the last bytes of what was searched.
        offset += Math.max(1, bytes.length - blockMagic.length + 1);
        continue;
      }
      const head = await this.#window.bytesAt(offset + at, blockHeadBytes);
      if (parseBlockHead(head) !== null) return offset + at;
      offset += at + 1;
    }
    return null;
  }
}

const searchBytes = 64 * 1024;
