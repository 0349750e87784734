// Loaded into a server before its own code (--import): its clock starts two minutes after a multiple
// of ten minutes, and leaps to the next multiple at each SIGUSR2, so that a boundary comes when the
// benchmark wants it. Everything else of the server is as it always is.
const stepMs = 600_000;
const startMs = 120_000;
const systemNow = Date.now;
let offsetMs = stepMs + startMs - (systemNow() % stepMs);

Date.now = () => systemNow() + offsetMs;

process.on("SIGUSR2", () => {
  offsetMs += stepMs - (Date.now() % stepMs);
});

// A file without imports and exports would be no module.
export {};
