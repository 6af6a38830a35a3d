/** `sluice broker`: the embedded broker alone, for whoever wants one to talk to. */

import { AMQP_PORT, isPortTaken, startEmbeddedBroker } from './embedded-broker.ts';
import { EXIT } from './exit-code.ts';
import { onSignals } from './signals.ts';

export async function broker(portText: string | undefined, isJson: boolean): Promise<number> {
  const port = portText === undefined ? AMQP_PORT : Number(portText);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    console.error(`--port: expected a port number from 0 (any free one) to 65535, got "${portText}"`);
    return EXIT.misconfigured;
  }
  try {
    const running = await startEmbeddedBroker(port);
    if (isJson) console.log(JSON.stringify({ url: running.url }));
    else {
      console.log(`embedded broker at ${running.url}`);
      console.log(
        'It speaks AMQP 0-9-1, is in memory and for development: its messages end with this process. Ctrl-C stops it.',
      );
    }
    await new Promise<void>((resolve) => {
      const disarm = onSignals({
        onFirst: () => {
          disarm();
          resolve();
        },
        onSecond: () => {},
      });
    });
    await running.stop();
    return EXIT.ok;
  } catch (error) {
    if (!isPortTaken(error)) throw error;
    console.error(
      `port ${port} is taken, perhaps by a broker that runs already; pass another with --port, or --port 0 for a free one`,
    );
    return EXIT.failed;
  }
}
