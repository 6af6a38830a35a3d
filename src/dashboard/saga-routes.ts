/** Routes to sagas: lists and timelines to whoever may see the page, actions to whoever shows the token; each of them is logged. */
import { z } from 'zod';
import type { Logger } from '../log.ts';
import { type ManagementRequest, type Route, refusal, type WholeAnswer } from '../management/route.ts';
import { answered } from './answered.ts';
import type { SagaDesk, SagaKey } from './saga-desk.ts';
import type { SagaDone } from './wire.ts';

const MAX_SHOWN = 200;

const selection = z.enum(['unended', 'stuck', 'ended', 'all']);
const sagaKey = z.strictObject({ saga: z.string().min(1).max(255), id: z.string().min(1).max(512) });

const NONE = 'there is no journal of sagas to look at here';

/** Without a desk every route says that there is none. */
export function sagaRoutes(desk: SagaDesk | undefined, log: Logger): readonly Route[] {
  const withDesk =
    (work: (desk: SagaDesk, request: ManagementRequest) => WholeAnswer | Promise<WholeAnswer>): Route['answer'] =>
    (request) =>
      desk === undefined ? refusal(404, NONE) : work(desk, request);

  const acting = (action: string, act: (at: SagaDesk, key: SagaKey) => Promise<SagaDone>): Route => ({
    method: 'POST',
    path: `/sagas/${action}`,
    answer: withDesk((at, { body }) => {
      const asked = sagaKey.safeParse(body);
      if (!asked.success) return refusal(400, z.prettifyError(asked.error));
      log.warn({ ...asked.data, action }, 'somebody acts on a saga');
      return answered(
        act(at, asked.data).then((done) => {
          log.warn({ ...asked.data, action, ...done }, 'somebody acted on a saga');
          return done;
        }),
      );
    }),
  });

  return [
    {
      method: 'GET',
      path: '/sagas',
      answer: withDesk((at, { query }) => {
        const asked = selection.safeParse(query.get('state') ?? 'unended');
        if (!asked.success) return refusal(400, `state: expected one of ${selection.options.join(', ')}`);
        return answered(at.list(asked.data, MAX_SHOWN));
      }),
    },
    {
      method: 'GET',
      path: '/sagas/story',
      answer: withDesk(async (at, { query }) => {
        const asked = sagaKey.safeParse({ saga: query.get('saga'), id: query.get('id') });
        if (!asked.success) return refusal(400, z.prettifyError(asked.error));
        return answered(at.show(asked.data).then((found) => found ?? null));
      }),
    },
    acting('resume', (at, key) => at.resume(key)),
    acting('abandon', (at, key) => at.abandon(key)),
  ];
}
