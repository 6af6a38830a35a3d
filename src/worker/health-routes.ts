/** Health over HTTP: `/livez` while the event loop turns, `/readyz` while every pipeline consumes. Why not is for those who may know. */
import { jsonAnswer, type Route } from '../management/route.ts';
import type { Readiness } from './worker.ts';

export const healthRoutes = (readiness: () => Readiness): readonly Route[] => [
  { method: 'GET', path: '/livez', isOpen: true, answer: () => jsonAnswer(200, { status: 'live' }) },
  {
    method: 'GET',
    path: '/readyz',
    isOpen: true,
    answer: ({ isTrusted }) => {
      const { isReady, ...why } = readiness();
      const status = isReady ? 'ready' : 'not ready';
      return jsonAnswer(isReady ? 200 : 503, isTrusted ? { status, ...why } : { status });
    },
  },
];
