/**
 * The last spans of a process that ends: whatever the SDK that was registered still holds. The API has no word for that; providers of SDKs have
 * two, and behind the API's proxy there is one.
 */
import type { TracerProvider } from '@opentelemetry/api';
import { loadApi } from './tracing.ts';

/** What providers of SDKs can do, as far as they can. */
interface Provider extends TracerProvider {
  getDelegate?(): Provider;
  /** Sends what no batch has taken yet. */
  forceFlush?(): Promise<void>;
  /** Waits for the batches that are on their way, too, and takes no further spans. */
  shutdown?(): Promise<void>;
}

/** Takes as long as the SDK and its exporters do. Rejects with what went wrong. Without an SDK there is nothing to do. */
export async function sendSpans(): Promise<void> {
  const api = await loadApi();
  const registered: Provider | undefined = api?.trace.getTracerProvider();
  const provider = registered?.getDelegate?.() ?? registered;
  try {
    await provider?.forceFlush?.();
  } finally {
    await provider?.shutdown?.();
  }
}
