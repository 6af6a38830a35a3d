import type { Law } from './law.ts';

/** A saga that has not ended when all work is done is stuck, and its journal says so: nobody would look for it otherwise. */
export const sagaEnds: Law = {
  name: 'a saga ends, or its journal says that it is stuck',
  watch: () => ({
    end: ({ sagas }) => {
      const left = sagas.find(({ end, records }) => end === undefined && records.at(-1)?.kind !== 'stuck');
      if (left === undefined) return undefined;
      const { saga, sagaId, records } = left;
      const last = records.at(-1);
      const where = last === undefined ? '' : ` ${last.kind}${'step' in last ? ` ${last.step}` : ''}`;
      return { text: `saga ${saga} ${sagaId} stands where it stood, and nobody is told:${where}`, messageId: sagaId };
    },
  }),
};
