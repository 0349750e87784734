// Refuses a Node that cannot run the server, before anything else is loaded. Must stay readable
// for Node 12: CommonJS, no newer syntax, no packages.
"use strict";

var needed = 26;
var major = parseInt(process.versions.node.split(".")[0], 10);

if (major < needed) {
  process.stderr.write(
    "Meterhouse needs Node " +
      needed +
      " and this is " +
      process.versions.node +
      ": run `npm ci`, which installs the right one for this folder, and use the npm scripts " +
      "(`npm start`, `npm test`), which find it.\n",
  );
  process.exit(1);
}
