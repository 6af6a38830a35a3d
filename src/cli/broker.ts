/** `sluice broker`: the embedded broker alone, for whoever wants one to talk to. */

import { failed } from './broker-session.ts';
import { AMQP_PORT, isPortTaken, startEmbeddedBroker } from './embedded-broker.ts';
import { EXIT } from './exit-code.ts';
import { onSignals } from './signals.ts';

export async function broker(isJson: boolean, port = AMQP_PORT): Promise<number> {
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
    return failed(
      `port ${port} is taken, perhaps by a broker that runs already; pass another with --port, or --port 0 for a free one`,
    );
  }
}
