import { type Client, ApiError } from '@coffer/client';
import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { keyStatusTable, readKeyStatus } from './key-status.ts';

export const operatorRotate = defineCommand({
  name: 'rotate',
  synopsis: 'Rotate the encryption key',
  usage: '[options]',
  description: `
    Installs a new encryption key. Everything written from now on is encrypted with it; older data stays readable with
    the older keys. The unseal shares do not change: to replace them, see "operator rekey".`,
  examples: [{ caption: 'Rotate:', command: 'operator rotate' }],
  flags: {},
  output: ['format'],
  arguments: { min: 0, max: 0 },
  async run({ connect, printer, ui }) {
    const client = await connect();
    await reporting('Error rotating key', rotate(client));
    const status = await readKeyStatus(client);
    if (printer.format !== 'table') return printer.data(status);
    ui.output(`Success! Rotated key\n\n${keyStatusTable(status)}`);
    return 0;
  },
});

/** OpenBao's path, or the older one, which is all that HashiCorp's Vault has. */
async function rotate(client: Client): Promise<void> {
  try {
    await client.request('POST', 'sys/rotate/keyring');
  } catch (thrown) {
    if (!(thrown instanceof ApiError && thrown.status === 404)) throw thrown;
    await client.request('PUT', 'sys/rotate');
  }
}
