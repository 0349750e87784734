// The routes of all resources, in the order in which the OpenAPI document lists them. Services are
// touched inside handlers only: the document is made without any, and the server before recovery.
import type { Engine } from "../../engine/engine.ts";
import type { Listings } from "../listings.ts";
import type { Route } from "../route.ts";
import { correctionActionRoutes } from "./correction-actions.ts";
import { correctionRoutes } from "./corrections.ts";
import { type DeliveryServices, deliveryRoutes } from "./deliveries.ts";
import { type DestinationServices, destinationRoutes } from "./destinations.ts";
import { meterTypeRoutes } from "./meter-types.ts";
import { meterUsageRoutes } from "./meter-usage.ts";
import { meteredRecordRoutes } from "./metered-records.ts";
import { meterRoutes } from "./meters.ts";
import { meterBulkRoutes } from "./meters-bulk.ts";
import { processorRoutes } from "./processors.ts";
import { thresholdEventRoutes } from "./threshold-events.ts";
import { usageRoutes } from "./usage.ts";
import { usageAuditRoutes } from "./usage-audit.ts";

/** What the resource routes work on; handed in by the composition root. */
export interface ResourceServices {
  readonly engine: Engine;
  readonly projection: Listings;
  readonly delivery: DestinationServices["delivery"] & DeliveryServices["delivery"];
}

export function allRoutes(services: ResourceServices): readonly Route[] {
  return [
    ...meterTypeRoutes(services),
    ...meterRoutes(services),
    ...meterBulkRoutes(services),
    ...meterUsageRoutes(services),
    ...processorRoutes(services),
    ...usageRoutes(services),
    ...meteredRecordRoutes(services),
    ...thresholdEventRoutes(services),
    ...destinationRoutes(services),
    ...deliveryRoutes(services),
    ...correctionRoutes(services),
    ...correctionActionRoutes(services),
    ...usageAuditRoutes(services),
  ];
}
