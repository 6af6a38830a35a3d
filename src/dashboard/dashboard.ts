/** The dashboard of a worker: a model that listens to its facts, and the routes by which a browser sees it and acts. */
import type { Facts } from '../events.ts';
import type { Route } from '../management/route.ts';
import { type DashboardParts, dashboardRoutes } from './dashboard-routes.ts';
import { DashboardModel } from './model.ts';
import type { PayloadsShown } from './redact.ts';
import type { PipelineShape } from './wire.ts';

export interface DashboardOptions extends DashboardParts {
  readonly facts: Facts;
  readonly payloads: PayloadsShown;
}

export interface Dashboard {
  readonly routes: readonly Route[];
  /** These pipelines run from now on. */
  show(shapes: readonly PipelineShape[]): void;
  /** Stops listening. */
  close(): void;
}

/** Listens at once. */
export function createDashboard({ facts, payloads, ...parts }: DashboardOptions): Dashboard {
  const model = new DashboardModel(payloads);
  const listening = model.listen(facts);
  return {
    routes: dashboardRoutes(model, parts),
    show: (shapes) => model.show(shapes),
    close: () => listening.unsubscribe(),
  };
}
