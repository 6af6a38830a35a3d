/** sluice with its dashboard, which two browsers look at. */
import { runSluice } from './run-sluice.ts';
import { showDashboard } from './show-dashboard.ts';

await runSluice({ begin: showDashboard(2) });
