import { CofferError, type Logger, requireTime } from '@coffer/base';
import { checkShareCounts, type ShareCounts } from './key-shares.ts';
import { OperatorAttempt } from './operator-attempt.ts';
import type { RekeyControl } from './seal-control.ts';
import type { SealRecord } from './seal-rows.ts';

export interface RekeyParts {
  /** Which key is replaced. */
  readonly what: 'barrier' | 'recovery';
  /** Whether the seal opens by itself: then the shares are of the recovery key, whichever key is replaced. */
  readonly byItself: boolean;
  readonly record: () => Promise<SealRecord>;
  readonly requireOpen: () => unknown;
  readonly verifyKey: (key: Uint8Array, record: SealRecord) => boolean;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly logger: Logger;
  readonly replace: (counts: ShareCounts) => Promise<readonly Uint8Array[]>;
}

/** New shares for old ones, agreed on by the holders of the old. Texts as in hashicorp/vault:vault/rekey.go. */
export function createRekey(parts: RekeyParts): RekeyControl {
  const { what, byItself } = parts;
  const attempt = new OperatorAttempt<ShareCounts>({ what: `${what} rekey`, operation: 'rekey', logger: parts.logger });
  const check = (): void => {
    if (what === 'recovery' && !byItself) throw new CofferError('invalid-request', 'recovery rekeying not supported');
    parts.requireOpen();
  };
  return {
    async status() {
      check();
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
    start: (given, requester) =>
      attempt.step(requester, async () => {
        check();
        // The new root key is sealed under the static key: there is no share to give out, whatever was asked for.
        const counts = what === 'barrier' && byItself ? { shares: 1, threshold: 1 } : given;
        checkCounts(what, counts);
        await parts.record();
        attempt.start(counts, { new_shares: counts.shares, new_threshold: counts.threshold }, requester);
      }),
    update: (share, nonce, requester) =>
      parts.inTurn(() =>
        attempt.step(requester, async () => {
          check();
          const record = await parts.record();
          return attempt.add(share, nonce, record.config, requester, async ({ key, wanted }) => {
            if (parts.verifyKey(key, record)) {
              // If nobody received the new shares, everything would stay sealed for good.
              requireTime();
              return parts.replace(wanted);
            }
            const of = byItself ? 'recovery' : 'root';
            const text = `${of} key verification failed: the shares do not make the present key, and are forgotten`;
            throw new CofferError('invalid-request', text);
          });
        }),
      ),
    cancel: (requester, reason) => attempt.cancel(requester, reason),
  };
}

function checkCounts(what: RekeyParts['what'], counts: ShareCounts): void {
  if (counts.threshold > counts.shares) {
    throw new CofferError('invalid-request', 'provided threshold greater than the total shares');
  }
  try {
    checkShareCounts(counts);
  } catch (thrown) {
    const { code, message } = CofferError.from(thrown);
    throw new CofferError(code, `invalid ${what === 'barrier' ? 'rekey seal' : 'recovery'} configuration: ${message}`);
  }
}
