// Opens the delivery service: its file, its sender, its parts put together. The only file of this
// folder that the composition root needs.
import { join } from "node:path";
import { ok, type Result } from "../core/problem.ts";
import { createResolve } from "./address-resolver.ts";
import { Deliverer, type DelivererSettings } from "./deliverer.ts";
import { openDeliveriesFile } from "./delivery-tables.ts";
import type { DeliveryDesk, DeliveryWorld } from "./ports.ts";
import { createWebhookSender } from "./webhook-sender.ts";

export interface DeliveryOptions extends DeliveryWorld {
  /** Where deliveries.db lies. */
  readonly directory: string;
  /** Below it every file destination has its folder. */
  readonly exportDirectory: string;
  /** Lets webhooks reach loopback and private networks; for development. */
  readonly allowPrivate: boolean;
  /** How long finished deliveries stay. */
  readonly retentionDays: number;
}

export interface DeliveryService {
  readonly desk: DeliveryDesk;
  /** Begins to deliver. */
  start(): void;
  /** Outputs may have been stored or a destination changed; cheap, at any time before `stop`. */
  nudge(): void;
  /** Ends attempts, then closes the file; what was under way stays pending. Only once. */
  stop(): Promise<void>;
}

/** A failure is one or two sentences: a file that is damaged, foreign or of a newer version. */
export function openDelivery(options: DeliveryOptions): Result<DeliveryService, string> {
  const { directory, exportDirectory, allowPrivate, retentionDays, ...world } = options;
  const opened = openDeliveriesFile(join(directory, deliveriesName));
  if (!opened.ok) return opened;
  const sender = createWebhookSender({ allowPrivate, resolve: createResolve(allowPrivate) });
  const settings: DelivererSettings = { exportDirectory, retentionDays };
  const deliverer = new Deliverer(opened.value, { ...world, sender }, settings);
  return ok({
    desk: deliverer.desk,
    start: () => deliverer.start(),
    nudge: () => deliverer.tellOfNews(),
    stop: () => deliverer.stop(),
  });
}

const deliveriesName = "deliveries.db";
