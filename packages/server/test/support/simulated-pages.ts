// Pages of files on a simulated disk, read while the caller waits. Runs of ids are never changed, so
// what a file held when it was opened is what a real file would go on to show.
import type { OpenPages } from "../../src/ids/run-disk.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";

export function simulatedPages(disk: SimulatedDisk): OpenPages {
  return (path) => {
    const content = disk.content(path);
    return {
      read(bytes, position) {
        const part = content.subarray(position, position + bytes.length);
        bytes.set(part);
        return part.length;
      },
      close: () => {},
    };
  };
}
