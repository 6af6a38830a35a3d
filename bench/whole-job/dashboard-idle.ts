/** sluice with its dashboard, which nobody looks at. */
import { runSluice } from './run-sluice.ts';
import { showDashboard } from './show-dashboard.ts';

await runSluice({ begin: showDashboard(0) });
