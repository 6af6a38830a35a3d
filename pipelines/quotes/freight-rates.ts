/** The service behind `freight`: a pipeline whose result goes to whoever asked. It may run in another worker, or be written in another language. */
import { of } from 'rxjs';
import { definePipeline, queue } from 'sluice';
import { FreightRequest } from './targets.ts';

const HOME = 'DE';

export default definePipeline({
  name: 'freight-rates',
  // Whoever asked waits for two seconds, and asks again by himself.
  source: queue('freight.requested', { retry: false }),
  input: FreightRequest,
  handle: ({ country, kilograms }) =>
    of(
      country === HOME
        ? { carrier: 'parcel', price: 5 + kilograms }
        : { carrier: 'express', price: 15 + 2.5 * kilograms },
    ),
});
