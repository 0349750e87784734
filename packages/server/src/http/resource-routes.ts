// The routes of all resources, in the order in which the OpenAPI document lists them. Each resource
// has a file of its own under routes/, whose function takes what it needs of the services here.
import type { Engine } from "../engine/engine.ts";
import type { Route } from "./route.ts";

/** What the resource routes work on; handed in by the composition root. */
export interface ResourceServices {
  readonly engine: Engine;
}

/** Services are touched inside handlers only: the OpenAPI document is made without any. */
export function resourceRoutes(_services: ResourceServices): readonly Route[] {
  return [];
}
