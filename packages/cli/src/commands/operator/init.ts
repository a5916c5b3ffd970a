import type { JsonObject } from '@coffer/base';
import type { Client } from '@coffer/client';
import { askBare } from '../../bare-answer.ts';
import { defineCommand } from '../../command.ts';
import type { FlagDefinitions, FlagValues } from '../../flags.ts';
import { reporting, usageFailure } from '../../failure.ts';
import { goValue } from '../../output/go-value.ts';
import { isShown } from '../../shown-request/show.ts';
import { wrapText } from '../../output/wrap.ts';
import { strings } from './answer.ts';

const SHARES = 5;
const THRESHOLD = 3;
const COUNT_FLAGS = {
  'key-shares': {
    type: 'integer',
    aliases: ['n'],
    usage: 'Number of shares to split the unseal key into. Default: 5.',
  },
  'key-threshold': { type: 'integer', aliases: ['t'], usage: 'Number of shares needed to unseal. Default: 3.' },
  'recovery-shares': { type: 'integer', usage: 'Number of shares to split the recovery key into. Default: 5.' },
  'recovery-threshold': { type: 'integer', usage: 'Number of recovery shares needed. Default: 3.' },
} as const satisfies FlagDefinitions;

export const operatorInit = defineCommand({
  name: 'init',
  synopsis: 'Initialize a server',
  usage: '[options]',
  description: `
    Generates the keys of a new server and its first root token. They are shown once and not stored: save them.

    With auto-unseal, it returns recovery keys instead of unseal keys.`,
  examples: [
    { caption: 'Five shares, three of which unseal:', command: 'operator init' },
    { caption: 'A single share:', command: 'operator init -key-shares=1 -key-threshold=1 -format=json' },
    { caption: 'Check whether the server is initialized (exit code 2 if not):', command: 'operator init -status' },
  ],
  flags: {
    ...COUNT_FLAGS,
    status: { type: 'boolean', usage: 'Only print whether the server is initialized.' },
  },
  output: ['format'],
  arguments: { min: 0, max: 0 },
  async run({ connect, flags, http, printer, ui }) {
    const client = (await connect()).with({ namespace: undefined });
    if (flags.status) {
      const { initialized } = await reporting('Error checking init status', askBare(client, 'GET', 'sys/init'), 1);
      ui.output(initialized === true ? 'Vault is initialized' : 'Vault is not initialized');
      return initialized === true ? 0 : 2;
    }
    const made = await initialize(client, flags, isShown(http));
    if (printer.format !== 'table') return printer.data(document(made));
    const { byItself, base64, counts, token } = made;
    const kind = byItself ? 'Recovery' : 'Unseal';
    ui.output(base64.map((share, index) => `${kind} Key ${index + 1}: ${share}`).join('\n'));
    ui.output(`\nInitial Root Token: ${token}\n`);
    ui.output(byItself ? recoveryAdvice(counts) : unsealAdvice(counts));
    return 0;
  },
});

interface Counts {
  readonly shares: number;
  readonly threshold: number;
}

interface Made {
  /** The seal opens by itself: the shares are of the recovery key. */
  readonly byItself: boolean;
  readonly counts: Counts;
  readonly hex: readonly string[];
  readonly base64: readonly string[];
  readonly token: string;
}

async function opensByItself(client: Client, flags: FlagValues<typeof COUNT_FLAGS>, shown: boolean): Promise<boolean> {
  // Where no request may be sent, the flags say which kind of seal is meant.
  if (shown) return (flags['recovery-shares'] ?? flags['recovery-threshold']) !== undefined;
  const seal = await reporting('Error checking seal status', askBare(client, 'GET', 'sys/seal-status'));
  return seal['recovery_seal'] === true;
}

async function initialize(client: Client, flags: FlagValues<typeof COUNT_FLAGS>, shown: boolean): Promise<Made> {
  const byItself = await opensByItself(client, flags, shown);
  if (byItself && (flags['key-shares'] !== undefined || flags['key-threshold'] !== undefined)) {
    throw usageFailure('This server uses auto-unseal: use -recovery-shares and -recovery-threshold.');
  }
  if (!byItself && (flags['recovery-shares'] !== undefined || flags['recovery-threshold'] !== undefined)) {
    throw usageFailure('This server is unsealed with key shares: use -key-shares and -key-threshold.');
  }
  const counts = {
    shares: flags[byItself ? 'recovery-shares' : 'key-shares'] ?? SHARES,
    threshold: flags[byItself ? 'recovery-threshold' : 'key-threshold'] ?? THRESHOLD,
  };
  const body = byItself
    ? { recovery_shares: counts.shares, recovery_threshold: counts.threshold }
    : { secret_shares: counts.shares, secret_threshold: counts.threshold };
  const made = await reporting('Error initializing', askBare(client, 'PUT', 'sys/init', body));
  return {
    byItself,
    counts,
    hex: strings(made[byItself ? 'recovery_keys' : 'keys']),
    base64: strings(made[byItself ? 'recovery_keys_base64' : 'keys_base64']),
    token: goValue(made['root_token'] ?? ''),
  };
}

/** openbao/openbao:command/operator_init.go machineInit. */
function document({ byItself, counts, hex, base64, token }: Made): JsonObject {
  const none = { b64: [], hex: [], shares: 1, threshold: 1 };
  const shown = { b64: base64, hex, ...counts };
  const unseal = byItself ? none : shown;
  const recovery = byItself ? shown : { ...none, shares: 0, threshold: 0 };
  return {
    unseal_keys_b64: unseal.b64,
    unseal_keys_hex: unseal.hex,
    unseal_shares: unseal.shares,
    unseal_threshold: unseal.threshold,
    recovery_keys_b64: recovery.b64,
    recovery_keys_hex: recovery.hex,
    recovery_keys_shares: recovery.shares,
    recovery_keys_threshold: recovery.threshold,
    root_token: token,
  };
}

function unsealAdvice({ shares, threshold }: Counts): string {
  return [
    `Vault initialized with ${shares} key shares and a key threshold of ${threshold}. Please securely distribute the key shares printed above. When the Vault is re-sealed, restarted, or stopped, you must supply at least ${threshold} of these keys to unseal it before it can start servicing requests.`,
    `Vault does not store the generated root key. Without at least ${threshold} keys to reconstruct the root key, Vault will remain permanently sealed!`,
    'It is possible to generate new unseal keys, provided you have a quorum of existing unseal keys shares. See "operator rekey" for more information.',
  ]
    .map((text) => wrapText(text, 0))
    .join('\n\n');
}

function recoveryAdvice({ shares, threshold }: Counts): string {
  return [
    'Success! Vault is initialized',
    `Recovery key initialized with ${shares} key shares and a key threshold of ${threshold}. Please securely distribute the key shares printed above.`,
  ]
    .map((text) => wrapText(text, 0))
    .join('\n\n');
}
