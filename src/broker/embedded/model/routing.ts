/** The five ways to choose among bindings: by key, by pattern, by headers, all of them, or one of them by a hash. */
import { EMPTY_TABLE, isSameField, printed, type Table, textIn } from './field.ts';
import type { Message } from './message.ts';

export type ExchangeKind = 'direct' | 'topic' | 'fanout' | 'headers' | 'x-consistent-hash';

export interface Binding<D> {
  readonly destination: D;
  readonly key: string;
  readonly arguments: Table;
}

export interface Router<D> {
  add(binding: Binding<D>): void;
  remove(binding: Binding<D>): void;
  /** Calls `reach` for each destination a key leads to; one may come more than once. */
  route(key: string, message: Message, reach: (destination: D) => void): void;
}

/** `fields` are the arguments of the exchange. */
export function createRouter<D>(kind: ExchangeKind, fields: Table): Router<D> {
  switch (kind) {
    case 'direct':
      return directRouter();
    case 'fanout':
      return fanoutRouter();
    case 'topic':
      return topicRouter();
    case 'headers':
      return headersRouter();
    case 'x-consistent-hash':
      return hashRouter(textIn(fields, 'hash-header'));
  }
}

function directRouter<D>(): Router<D> {
  const byKey = new Map<string, Set<Binding<D>>>();
  return {
    add: (binding) => {
      const bindings = byKey.get(binding.key) ?? new Set<Binding<D>>();
      byKey.set(binding.key, bindings.add(binding));
    },
    remove: (binding) => {
      const bindings = byKey.get(binding.key);
      bindings?.delete(binding);
      if (bindings?.size === 0) byKey.delete(binding.key);
    },
    route: (key, _message, reach) => {
      const bindings = byKey.get(key);
      if (bindings !== undefined) for (const { destination } of bindings) reach(destination);
    },
  };
}

function fanoutRouter<D>(): Router<D> {
  const bindings = new Set<Binding<D>>();
  return {
    add: (binding) => void bindings.add(binding),
    remove: (binding) => void bindings.delete(binding),
    route: (_key, _message, reach) => {
      for (const { destination } of bindings) reach(destination);
    },
  };
}

/** A node of the trie of patterns: one level for each word. */
interface TopicNode<D> {
  readonly below: Map<string, TopicNode<D>>;
  readonly bindings: Set<Binding<D>>;
}

/** An empty key has no word, not one empty word. */
const wordsOf = (key: string): readonly string[] => (key === '' ? [] : key.split('.'));

function topicRouter<D>(): Router<D> {
  const node = (): TopicNode<D> => ({ below: new Map(), bindings: new Set() });
  const root = node();

  const remove = (at: TopicNode<D>, words: readonly string[], index: number, binding: Binding<D>): boolean => {
    const word = words[index];
    if (word === undefined) {
      at.bindings.delete(binding);
    } else {
      const next = at.below.get(word);
      if (next !== undefined && remove(next, words, index + 1, binding)) at.below.delete(word);
    }
    return at.below.size === 0 && at.bindings.size === 0;
  };

  const reachMatching = (
    at: TopicNode<D>,
    words: readonly string[],
    index: number,
    reach: (destination: D) => void,
    seen: Map<TopicNode<D>, number>,
  ): void => {
    const word = words[index];
    if (word === undefined) {
      for (const { destination } of at.bindings) reach(destination);
    } else {
      const exact = at.below.get(word);
      if (exact !== undefined) reachMatching(exact, words, index + 1, reach, seen);
      const any = at.below.get('*');
      if (any !== undefined) reachMatching(any, words, index + 1, reach, seen);
    }
    const rest = at.below.get('#');
    if (rest === undefined) return;
    // `#` stands for none of the words that follow, or one, or more: it is entered at this word and at all after it. Where it was entered
    // before, all from there on is done: several `#` would else try every way of sharing the words out.
    const done = seen.get(rest) ?? words.length + 1;
    if (index >= done) return;
    seen.set(rest, index);
    for (let skip = index; skip < done; skip++) reachMatching(rest, words, skip, reach, seen);
  };

  return {
    add: (binding) => {
      let at = root;
      for (const word of wordsOf(binding.key)) {
        const next = at.below.get(word) ?? node();
        at.below.set(word, next);
        at = next;
      }
      at.bindings.add(binding);
    },
    remove: (binding) => void remove(root, wordsOf(binding.key), 0, binding),
    route: (key, _message, reach) => reachMatching(root, wordsOf(key), 0, reach, new Map()),
  };
}

function headersRouter<D>(): Router<D> {
  const bindings = new Set<Binding<D>>();
  return {
    add: (binding) => void bindings.add(binding),
    remove: (binding) => void bindings.delete(binding),
    route: (_key, message, reach) => {
      const headers = message.properties.headers ?? EMPTY_TABLE;
      for (const binding of bindings) if (headersMatch(binding.arguments, headers)) reach(binding.destination);
    },
  };
}

/** A wanted header without a value (void) asks only that it be there. `x-…` count only for the `-with-x` forms. */
function headersMatch(wanted: Table, headers: Table): boolean {
  const match = textIn(wanted, 'x-match') ?? 'all';
  const countsX = match.endsWith('-with-x');
  const isWanted = (name: string): boolean => name !== 'x-match' && (countsX || !name.startsWith('x-'));
  let matched = 0;
  let missed = 0;
  for (const [name, field] of wanted) {
    if (!isWanted(name)) continue;
    const found = headers.get(name);
    if (found !== undefined && (field.type === 'void' || isSameField(field, found))) matched++;
    else missed++;
  }
  return match.startsWith('any') ? matched > 0 : missed === 0;
}

/**
 * Each message to one binding: that whose name has the highest hash together with the message's key (rendezvous hashing). A binding's key is its
 * weight, the number of names it has. Which key goes where is not as in RabbitMQ; that it always goes there is.
 */
function hashRouter<D>(header: string | undefined): Router<D> {
  const bindings = new Set<Binding<D>>();
  const names = new Map<Binding<D>, number>();
  let named = 0;
  return {
    add: (binding) => {
      bindings.add(binding);
      names.set(binding, named++);
    },
    remove: (binding) => {
      bindings.delete(binding);
      names.delete(binding);
    },
    route: (key, message, reach) => {
      const hashed = header === undefined ? key : printedHeader(message, header);
      let best: Binding<D> | undefined;
      let highest = -1;
      for (const binding of bindings)
        for (let weight = Number(binding.key); weight > 0; weight--) {
          const hash = hashOf(`${names.get(binding)}.${weight}.${hashed}`);
          if (hash > highest) [best, highest] = [binding, hash];
        }
      if (best !== undefined) reach(best.destination);
    },
  };
}

const printedHeader = ({ properties }: Message, name: string): string => {
  const field = (properties.headers ?? EMPTY_TABLE).get(name);
  return field === undefined ? '' : printed(field);
};

/** FNV-1a, with a last mix so that names that differ in one digit are far apart. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
