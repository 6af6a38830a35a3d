/** Where in the page one is: in the address's fragment, so that a link leads back there. */
import { useEffect, useState } from 'preact/hooks';

export type View = 'overview' | 'marbles' | 'graph' | 'dead-letters' | 'sagas';

export interface Place {
  readonly view: View;
  readonly pipeline: string | undefined;
}

const VIEWS: readonly View[] = ['overview', 'marbles', 'graph', 'dead-letters', 'sagas'];

export const hrefOf = (view: View, pipeline?: string): string =>
  `#${view}${pipeline === undefined ? '' : `/${encodeURIComponent(pipeline)}`}`;

export function usePlace(): Place {
  const [place, setPlace] = useState(readPlace);
  useEffect(() => {
    const turn = (): void => setPlace(readPlace());
    addEventListener('hashchange', turn);
    return () => removeEventListener('hashchange', turn);
  }, []);
  return place;
}

function readPlace(): Place {
  const [view = '', pipeline] = location.hash.slice(1).split('/');
  const known = VIEWS.find((name) => name === view) ?? 'overview';
  return { view: known, pipeline: pipeline === undefined ? undefined : decoded(pipeline) };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
