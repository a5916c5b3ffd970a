import { randomBytes } from 'node:crypto';
import { CofferError } from '@coffer/base';
import { checkShareCounts, type ShareCounts, splitKey } from './key-shares.ts';
import { OperatorAttempt } from './operator-attempt.ts';
import type { SealControl } from './seal-control.ts';
import type { SealConfig, SealRecord } from './seal-rows.ts';
import { KEY_BYTES } from './sealed-value.ts';

export interface RekeyParts {
  readonly record: () => Promise<SealRecord>;
  readonly requireOpen: () => unknown;
  readonly verifyKey: (key: Uint8Array, record: SealRecord) => boolean;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly replace: (config: SealConfig, unsealKey: Uint8Array) => Promise<void>;
}

/** New shares for old ones, agreed on by the holders of the old. */
export function createRekey(parts: RekeyParts): SealControl['rekey'] {
  const attempt = new OperatorAttempt<ShareCounts>('rekey');
  return {
    async status() {
      parts.requireOpen();
      const { config } = await parts.record();
      const { wanted, nonce = '', progress = 0 } = attempt.current ?? {};
      return {
        started: wanted !== undefined,
        nonce,
        shares: wanted?.shares ?? 0,
        threshold: wanted?.threshold ?? 0,
        progress,
        required: config.threshold,
      };
    },
    async start(counts) {
      parts.requireOpen();
      checkShareCounts(counts);
      const { config } = await parts.record();
      if (config.type !== 'shamir') {
        throw new CofferError('invalid-request', 'a static seal has no shares to rekey: configure another current_key');
      }
      attempt.start(counts);
    },
    update: (share, nonce) =>
      parts.inTurn(async () => {
        parts.requireOpen();
        const record = await parts.record();
        const agreed = await attempt.add(share, nonce, record.config.threshold);
        if (agreed === undefined) return undefined;
        if (!parts.verifyKey(agreed.key, record)) {
          throw new CofferError('invalid-request', 'rekey failed, invalid key: the shares so far are forgotten');
        }
        const unsealKey = randomBytes(KEY_BYTES);
        await parts.replace({ type: 'shamir', ...agreed.wanted }, unsealKey);
        attempt.cancel();
        return splitKey(unsealKey, agreed.wanted);
      }),
    cancel: () => attempt.cancel(),
  };
}
