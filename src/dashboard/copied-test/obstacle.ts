/** Why a message's story cannot be told as a test of this message alone. */
import type { Journey } from '../journeys.ts';
import type { PipelineShape } from '../wire.ts';

/** Turned away by what other messages did: one message alone cannot show it. */
const TURNED_AWAY = /^ERR_(CIRCUIT_OPEN|THROTTLED|RATE_LIMIT_REJECTED|BULKHEAD_REJECTED|RESPONSE_TOO_LARGE)$/;

export const STILL_ON_ITS_WAY = 'The message is still on its way.';

/** Undefined: it can. */
export function obstacleOf({ settled, isPartial, facts, message }: Journey, shape: PipelineShape): string | undefined {
  if (settled === undefined) return STILL_ON_ITS_WAY;
  if (settled.settlement === 'returned' || settled.late)
    return 'The message went back to the broker, which delivers it again: there is no end to test.';
  if (settled.stage === 'slot' || settled.stage === 'publish')
    return `It ended at the stage ${settled.stage}, for a reason that lies outside of the message.`;
  if (isPartial || message === undefined) return 'More belongs to it than is kept.';
  for (const fact of facts) {
    if (fact.type === 'cacheHit') return `${fact.api} was answered from its cache, which a test begins without.`;
    if (fact.type === 'settlementDelayed') return 'The broker did not take what had to be published first.';
    if (fact.type !== 'callEnded') continue;
    if (fact.code !== undefined && TURNED_AWAY.test(fact.code))
      return `A call to ${fact.api} was turned away (${fact.code}), for what other messages did.`;
    if (!shape.apis.some(({ name }) => name === fact.api)) return `${fact.api} is none of the pipeline’s APIs.`;
  }
  return undefined;
}
