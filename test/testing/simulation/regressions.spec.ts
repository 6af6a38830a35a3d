/** Seeds that once broke a law, each with the reason why it is here, and a few dozen that never did. */
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import type { SimulationOptions } from '../../../src/testing/simulation/options.ts';
import { simulate } from '../../../src/testing/simulation/simulate.ts';
import { orders, shop } from './broken.ts';
import { demanding, demandingOptions } from './fixtures.ts';
import { pipelines, projectOptions } from './project.ts';

interface Regression {
  readonly why: string;
  readonly pipelines: readonly Pipeline[];
  readonly options: SimulationOptions;
}

const hard = { maxMessages: 400, maxFaults: 80 };

/** Opens its circuit again and again: every call fails. */
const away = {
  ...orders,
  prefetch: 6,
  apis: { shop: { ...shop, options: { ...shop.options, breaker: { minimumCalls: 3, openFor: '2s' } } } } as const,
};

const regressions: readonly Regression[] = [
  {
    why: 'a connection that ends took its consumers one by one; what the first one settled of the others was refused by their closed channels, and ended the worker',
    pipelines: demanding,
    options: { ...demandingOptions, ...hard, seed: 1227 },
  },
  {
    why: 'each pause of the intake left the messages of its consumer in the worker, with no bound on their number',
    pipelines: [away],
    options: {
      messages: { orders: ({ id }) => ({ id }) },
      apis: { shop: { failureRatio: 1 } },
      hours: 0.1,
      maxMessages: 400,
      faults: [],
      workers: 1,
      seed: 3,
    },
  },
];

const FRESH = 12;

describe('seeds of simulations', () => {
  for (const { why, pipelines: simulated, options } of regressions) {
    it(`${options.seed}: ${why}`, async () => {
      await simulate(simulated, options);
    });
  }

  for (let seed = 1; seed <= FRESH; seed++) {
    it(`${seed}, over the project's pipelines`, async () => {
      await simulate(pipelines, { ...projectOptions, maxMessages: 200, maxFaults: 40, seed });
    });

    it(`${seed}, over demanding pipelines`, async () => {
      await simulate(demanding, { ...demandingOptions, maxMessages: 200, maxFaults: 40, seed });
    });
  }
});
