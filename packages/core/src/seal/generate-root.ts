import { CofferError, type Logger, trimEndOf } from '@coffer/base';
import { type EntryStorage, stored } from '@coffer/framework';
import { type Attempted, type AttemptState, OperatorAttempt } from './operator-attempt.ts';
import type { GenerateRootStatus, SealControl } from './seal-control.ts';
import type { SealRecord } from './seal-rows.ts';
import { TOKEN_LENGTH } from '../tokens/create-token.ts';

export interface GenerateRootParts {
  /** @throws CofferError `sealed` */
  readonly record: () => Promise<SealRecord>;
  /** @throws CofferError `sealed` */
  readonly storage: () => EntryStorage;
  readonly verifyKey: (key: Uint8Array, record: SealRecord) => boolean;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly logger: Logger;
  readonly createToken: () => Promise<string>;
}

interface Wanted {
  readonly otp: string;
}

const WANTED = stored.entry<Wanted>({ otp: stored.string() });

/** A new root token, agreed on by the holders of the present shares, readable only with the one-time password. */
export function createGenerateRoot(parts: GenerateRootParts): Attempted<SealControl['generateRoot']> {
  const { storage, logger } = parts;
  const attempt = new OperatorAttempt({
    ...{ what: 'root generation', entry: 'generate-root', wanted: WANTED, storage, logger },
  });
  const view = (record: SealRecord, current: AttemptState<Wanted> | undefined): GenerateRootStatus => ({
    started: current !== undefined,
    nonce: current?.nonce ?? '',
    progress: current?.progress ?? 0,
    required: record.config.threshold,
    complete: false,
    encodedToken: '',
    otpLength: TOKEN_LENGTH,
  });
  return {
    attempt,
    status: async () => view(await parts.record(), await attempt.current()),
    start: (otp, requester) =>
      attempt.step(requester, async () => {
        const record = await parts.record();
        if (Buffer.byteLength(otp) !== TOKEN_LENGTH) {
          throw new CofferError(
            'invalid-request',
            `OTP string is wrong length: it must have ${TOKEN_LENGTH} characters`,
          );
        }
        return view(record, await attempt.start({ otp }, {}, requester));
      }),
    update: (share, nonce, requester) =>
      parts.inTurn(() =>
        attempt.step(requester, async () => {
          const record = await parts.record();
          const { threshold } = record.config;
          const encodedToken = await attempt.add(share, nonce, record.config, requester, {
            verify: (key) => {
              if (parts.verifyKey(key, record)) return;
              const text = 'root generation failed, invalid key: the shares entered so far are discarded';
              throw new CofferError('invalid-request', text);
            },
            act: async ({ otp }) => encode(await parts.createToken(), otp),
          });
          if (encodedToken === undefined) return view(record, await attempt.current());
          const done = view(record, { nonce, wanted: { otp: '' }, progress: threshold });
          return { ...done, complete: true, encodedToken };
        }),
      ),
    cancel: (requester) => attempt.cancel(requester),
  };
}

/** hashicorp/vault:vault/generate_root.go: XOR, base64 without padding. */
function encode(token: string, otp: string): string {
  const pad = Buffer.from(otp);
  const mixed = Buffer.from(token).map((byte, index) => byte ^ (pad[index] ?? 0));
  return trimEndOf(Buffer.from(mixed).toString('base64'), '=');
}
