/** sluice as it is run, with nobody who listens to its facts. */
import { runSluice } from './run-sluice.ts';

await runSluice();
