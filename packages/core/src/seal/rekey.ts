import { CofferError, type Logger, requireTime } from '@coffer/base';
import { type EntryStorage, stored } from '@coffer/framework';
import { checkShareCounts, type ShareCounts } from './key-shares.ts';
import { type Attempted, type AttemptState, OperatorAttempt } from './operator-attempt.ts';
import type { RekeyControl, RekeyStatus } from './seal-control.ts';
import type { SealRecord } from './seal-rows.ts';

export interface RekeyParts {
  /** Which key is replaced. */
  readonly what: 'barrier' | 'recovery';
  /** Whether the seal opens by itself: then the shares are of the recovery key, whichever key is replaced. */
  readonly byItself: boolean;
  /** @throws CofferError `sealed` */
  readonly record: () => Promise<SealRecord>;
  /** @throws CofferError `sealed` */
  readonly storage: () => EntryStorage;
  readonly verifyKey: (key: Uint8Array, record: SealRecord) => boolean;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly logger: Logger;
  /** `agreed`: what the holders of the shares had before them. */
  readonly replace: (counts: ShareCounts, agreed: SealRecord) => Promise<readonly Uint8Array[]>;
}

const WANTED = stored.entry<ShareCounts>({ shares: stored.integer(), threshold: stored.integer() });

/** New shares for old ones, agreed on by the holders of the old. Texts as in hashicorp/vault:vault/rekey.go. */
export function createRekey(parts: RekeyParts): Attempted<RekeyControl> {
  const { what, byItself, storage, logger } = parts;
  const attempt = new OperatorAttempt({
    ...{ what: `${what} rekey`, operation: 'rekey', entry: `${what}-rekey`, wanted: WANTED, storage, logger },
  });
  const present = async (): Promise<SealRecord> => {
    if (what === 'recovery' && !byItself) throw new CofferError('invalid-request', 'recovery rekeying not supported');
    return parts.record();
  };
  const view = (record: SealRecord, current: AttemptState<ShareCounts> | undefined): RekeyStatus => ({
    started: current !== undefined,
    nonce: current?.nonce ?? '',
    shares: current?.wanted.shares ?? 0,
    threshold: current?.wanted.threshold ?? 0,
    progress: current?.progress ?? 0,
    required: record.config.threshold,
  });
  return {
    attempt,
    status: async () => view(await present(), await attempt.current()),
    start: (given, requester) =>
      attempt.step(requester, async () => {
        const record = await present();
        // The new root key is sealed under the static key: there is no share to give out, whatever was asked for.
        const counts = what === 'barrier' && byItself ? { shares: 1, threshold: 1 } : given;
        checkCounts(what, counts);
        const shown = { new_shares: counts.shares, new_threshold: counts.threshold };
        return view(record, await attempt.start(counts, shown, requester));
      }),
    update: (share, nonce, requester) =>
      parts.inTurn(() =>
        attempt.step(requester, async () => {
          const record = await present();
          return attempt.add(share, nonce, record.config, requester, {
            verify: (key) => {
              if (parts.verifyKey(key, record)) return;
              const of = byItself ? 'recovery' : 'root';
              const text = `${of} key verification failed: the shares do not form the current key, and are discarded`;
              throw new CofferError('invalid-request', text);
            },
            act: (wanted) => {
              // If nobody received the new shares, everything would stay sealed for good.
              requireTime();
              return parts.replace(wanted, record);
            },
          });
        }),
      ),
    cancel: (requester) => attempt.cancel(requester),
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
