/** A token endpoint's refusal. Stays inside src/http, as TransportError does. */
import type { TransportResponse } from './transport.ts';

/** The token endpoint answered with a status that is none of success: the failure of the call that needed the token. */
export class TokenStatusError extends Error {
  readonly response: TransportResponse;

  constructor(response: TransportResponse) {
    super(`token endpoint answered ${response.status}`);
    this.response = response;
  }
}
