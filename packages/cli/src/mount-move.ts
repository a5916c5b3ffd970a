import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, parseSecretResponse } from '@coffer/client';
import { isJsonObject } from '@coffer/base';
import { reporting, serverFailure } from './failure.ts';
import { mountPath } from './path.ts';
import type { Ui } from './ui.ts';

const POLL_MS = 10_000;

/**
 * Moves a mount and waits until it has moved, asking every ten seconds. `thing` is what messages call the mount.
 *
 * @throws CommandFailure (exit code 2) when the server refuses, or the move fails
 */
export async function moveMount(client: Client, ui: Ui, thing: string, from: string, to: string): Promise<number> {
  const [source, destination] = [mountPath(from), mountPath(to)];
  const move = `${thing} ${source} to ${destination}`;
  const asked = client.request('POST', 'sys/remount', { body: { from: source, to: destination } });
  const started = parseSecretResponse((await reporting(`Error moving ${move}`, asked)).body);
  const id = started?.data?.['migration_id'];
  if (typeof id !== 'string') throw serverFailure(`Error moving ${move}: the answer holds no migration ID`);
  ui.output(`Started moving ${move}, with migration ID ${id}`);
  for (;;) {
    const checking = `Error checking migration status of ${move}`;
    const polled = await reporting(checking, client.read(`sys/remount/status/${id}`));
    // Otherwise nobody would ever be told how it ended.
    if (polled === undefined) throw serverFailure(`${checking}: nothing is known of the migration ID ${id}`);
    const status = polled.data?.['migration_info'];
    const state = isJsonObject(status) ? status['status'] : undefined;
    if (state === 'success') {
      ui.output(`Success! Finished moving ${move}, with migration ID ${id}`);
      return 0;
    }
    if (state === 'failure') throw serverFailure(`Failure! Error encountered moving ${move}, with migration ID ${id}`);
    ui.output(`Waiting for terminal status in migration of ${move}, with migration ID ${id}`);
    await sleep(POLL_MS);
  }
}
