/** The bare engine: nobody listens, and messages are taken for what their type says. */
import { z } from 'zod';
import type { JobMessage } from './contender.ts';
import { runSluice } from './run-sluice.ts';

await runSluice({ input: z.custom<JobMessage>() });
