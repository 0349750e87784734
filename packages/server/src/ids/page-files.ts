// Real files behind the reading of pages: a look-up in the core waits for its answer, so the call is
// synchronous. Only for pages that the filter has named; everything else goes over the disk thread.
import { closeSync, openSync, readSync } from "node:fs";
import type { PageFile } from "./run-disk.ts";

export function openPageFile(path: string): PageFile {
  const handle = openSync(path, "r");
  return {
    read(bytes, position) {
      let done = 0;
      while (done < bytes.length) {
        const count = readSync(handle, bytes, done, bytes.length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    },
    close: () => closeSync(handle),
  };
}
