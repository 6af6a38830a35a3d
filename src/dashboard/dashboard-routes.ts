/** The routes by which a browser sees what the dashboard knows, and acts. */
import { z } from 'zod';
import type { Logger } from '../log.ts';
import { jsonAnswer, type ManagementRequest, type Route, refusal, type WholeAnswer } from '../management/route.ts';
import { answered } from './answered.ts';
import { assetRoutes } from './assets.ts';
import { eventStream, type Framed } from './event-stream.ts';
import type { LetterChoice, LetterDesk } from './letter-desk.ts';
import type { PayloadsShown } from './redact.ts';
import type { SagaDesk } from './saga-desk.ts';
import { sagaRoutes } from './saga-routes.ts';
import type { PipelineShape, Story } from './wire.ts';

export interface DashboardParts {
  /** Told who saw content and who acted. */
  readonly log: Logger;
  /** Default: dead letters cannot be looked at. */
  readonly letters?: LetterDesk | undefined;
  /** Default: sagas cannot be looked at. */
  readonly sagas?: SagaDesk | undefined;
}

/** What there is to see: of one worker, or of several. */
export interface DashboardView extends Framed {
  readonly payloads: PayloadsShown;
  readonly shapes: readonly PipelineShape[];
  /** One message's story; undefined where nothing is known of it any more. */
  story(pipeline: string, messageId: string, deliveryTag: number): Story | undefined | Promise<Story | undefined>;
}

const MAX_LETTERS_SHOWN = 50;

const choice = z.strictObject({
  queue: z.string().min(1).max(255),
  fingerprint: z.string().regex(/^[0-9a-f]{8}$/),
  ids: z.array(z.string().min(1).max(1_000)).min(1).max(200).optional(),
});
const replaying = choice.extend({ perSecond: z.number().gt(0).max(1_000) });

export function dashboardRoutes(view: DashboardView, { log, letters, sagas }: DashboardParts): readonly Route[] {
  const queues = (): readonly string[] => view.shapes.map(({ queue }) => queue);

  const story = async ({ query }: ManagementRequest): Promise<WholeAnswer> => {
    const [pipeline = '', id = '', tag = ''] = ['pipeline', 'id', 'tag'].map((name) => query.get(name) ?? '');
    const found = await view.story(pipeline, id, Number(tag));
    if (found === undefined) return refusal(404, 'nothing is known of this message any more');
    const { payloads } = view;
    if (payloads === 'all' || payloads.length > 0)
      log.info({ pipeline, messageId: id }, 'content of a message was shown');
    return jsonAnswer(200, found);
  };

  /** A choice of letters, of a queue that is this worker's; whatever else a stranger sends is refused. */
  const chosen = async <Asked extends LetterChoice>(
    schema: z.ZodType<Asked>,
    { body }: ManagementRequest,
    act: (asked: Asked, desk: LetterDesk) => Promise<unknown>,
  ): Promise<WholeAnswer> => {
    if (letters === undefined) return refusal(404, 'dead letters cannot be looked at here');
    const asked = schema.safeParse(body);
    if (!asked.success) return refusal(400, z.prettifyError(asked.error));
    if (!queues().includes(asked.data.queue)) return refusal(404, 'no pipeline of this worker takes from that queue');
    return answered(act(asked.data, letters));
  };

  const framed: Framed = {
    frame: (cursor, isWhole) => {
      const next = view.frame(cursor, isWhole);
      const hasViews = next.frame.worker !== undefined;
      const replay = hasViews ? letters?.replaying() : undefined;
      return replay === undefined ? next : { ...next, frame: { ...next.frame, replay } };
    },
  };

  return [
    ...assetRoutes(),
    {
      method: 'GET',
      path: '/events',
      answer: ({ header }) => ({
        contentType: 'text/event-stream',
        texts: (gone) => eventStream(framed, gone, header('last-event-id')),
      }),
    },
    { method: 'GET', path: '/story', answer: story },
    {
      method: 'GET',
      path: '/dead-letters',
      answer: async () =>
        letters === undefined
          ? refusal(404, 'dead letters cannot be looked at here')
          : answered(letters.list(queues())),
    },
    {
      method: 'POST',
      path: '/dead-letters/show',
      answer: (request) =>
        chosen(choice, request, async (asked, desk) => {
          log.info({ queue: asked.queue, fingerprint: asked.fingerprint }, 'dead letters were shown');
          return desk.show(asked, MAX_LETTERS_SHOWN);
        }),
    },
    {
      method: 'POST',
      path: '/dead-letters/rehearse',
      answer: (request) => chosen(choice, request, (asked, desk) => desk.rehearse(asked)),
    },
    {
      method: 'POST',
      path: '/dead-letters/replay',
      answer: (request) =>
        chosen(replaying, request, async ({ perSecond, ...asked }, desk) => {
          log.warn({ ...asked, perSecond }, 'dead letters are replayed');
          const replay = await desk.replay(asked, perSecond);
          log.warn({ ...asked, ...replay }, 'dead letters were replayed');
          return replay;
        }),
    },
    ...sagaRoutes(sagas, log),
  ];
}
