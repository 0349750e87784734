// The ceiling of the benchmark: a server that only reads the body, parses it and answers in the
// form of usage. It counts, stores and checks nothing; a GET tells the seconds of processor time
// that it took. Prints its port, and ends when its input does, so that it never outlives the
// benchmark.
import { createServer } from "node:http";

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    if (request.method === "GET") {
      const { user, system } = process.cpuUsage();
      response.end(String((user + system) / 1e6));
      return;
    }
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    const received = Array.isArray(value) ? value.length : 1;
    const answer = JSON.stringify({
      received,
      counted: received,
      duplicates: 0,
      rejected: 0,
      results: [],
    });
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(answer),
    });
    response.end(answer);
  });
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);
});
process.stdin.resume().once("end", () => process.exit(0));
