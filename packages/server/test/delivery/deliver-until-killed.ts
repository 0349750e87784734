// A process that delivers a fixed list of outputs from a directory to a receiver until it is
// killed: started by kill.test.ts. Tells on stdout when nothing is pending any more.

import { createResolve } from "../../src/delivery/address-resolver.ts";
import { createWebhookSender } from "../../src/delivery/webhook-sender.ts";
import { createSystemClock } from "../../src/runtime/system-ports.ts";
import { answered, DeliveryWorld, webhook } from "../support/delivery-world.ts";

const [directory = "", url = "", count = "0"] = process.argv.slice(2);
const allowPrivate = true;
const sender = createWebhookSender({ allowPrivate, resolve: createResolve(allowPrivate) });
const world = new DeliveryWorld({
  clock: createSystemClock(),
  sender,
  directory,
  settings: { lookEveryMs: 1_000 },
});
world.receive = async () => answered(200);
for (let index = 0; index < Number(count); index++) {
  world.outputs.add({ accountId: "account", now: 1_767_225_600_000 + index });
}
const destination = world.put({ id: "one", createdSeq: 10, target: webhook(url) });
world.start();
await world.until(() => {
  const { total } = world.desk.list(destination, { state: "delivered", limit: 1, skip: 0 });
  return total === Number(count);
});
process.stdout.write("done\n");
await world.stop();
