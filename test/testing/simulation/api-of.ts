/** What a pipeline whose types are gone calls: an API, which the test knows it to be. */
import type { Api, Service } from '../../../src/index.ts';

export const apiOf = (target: Api | Service | undefined): Api | undefined =>
  target !== undefined && 'post' in target ? target : undefined;
