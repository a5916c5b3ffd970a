import { CofferError, type Logger, trimEndOf } from '@coffer/base';
import { OperatorAttempt } from './operator-attempt.ts';
import type { GenerateRootStatus, SealControl } from './seal-control.ts';
import type { SealRecord } from './seal-rows.ts';
import { TOKEN_LENGTH } from '../tokens/tokens.ts';

export interface GenerateRootParts {
  readonly record: () => Promise<SealRecord>;
  readonly requireOpen: () => unknown;
  readonly verifyKey: (key: Uint8Array, record: SealRecord) => boolean;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly logger: Logger;
  readonly createToken: () => Promise<string>;
}

/** A new root token, agreed on by the holders of the present shares, readable only with the one-time password. */
export function createGenerateRoot(parts: GenerateRootParts): SealControl['generateRoot'] {
  const attempt = new OperatorAttempt<{ readonly otp: string }>({ what: 'root generation', logger: parts.logger });
  const status = async (): Promise<GenerateRootStatus> => {
    parts.requireOpen();
    const { config } = await parts.record();
    const { nonce = '', progress = 0 } = attempt.current ?? {};
    return {
      started: attempt.current !== undefined,
      nonce,
      progress,
      required: config.threshold,
      complete: false,
      encodedToken: '',
      otpLength: TOKEN_LENGTH,
    };
  };
  return {
    status,
    start: (otp, requester) =>
      attempt.step(requester, async () => {
        parts.requireOpen();
        await parts.record();
        if (Buffer.byteLength(otp) !== TOKEN_LENGTH) {
          throw new CofferError(
            'invalid-request',
            `OTP string is wrong length: it must have ${TOKEN_LENGTH} characters`,
          );
        }
        attempt.start({ otp }, {}, requester);
      }),
    update: (share, nonce, requester) =>
      parts.inTurn(() =>
        attempt.step(requester, async () => {
          parts.requireOpen();
          const record = await parts.record();
          const { threshold } = record.config;
          const encodedToken = await attempt.add(share, nonce, record.config, requester, async ({ key, wanted }) => {
            if (parts.verifyKey(key, record)) return encode(await parts.createToken(), wanted.otp);
            const text = 'root generation failed, invalid key: the shares so far are forgotten';
            throw new CofferError('invalid-request', text);
          });
          const now = await status();
          if (encodedToken === undefined) return now;
          return { ...now, started: true, nonce, progress: threshold, complete: true, encodedToken };
        }),
      ),
    cancel: (requester, reason) => attempt.cancel(requester, reason),
  };
}

/** hashicorp/vault:vault/generate_root.go: XOR, base64 without padding. */
function encode(token: string, otp: string): string {
  const pad = Buffer.from(otp);
  const mixed = Buffer.from(token).map((byte, index) => byte ^ (pad[index] ?? 0));
  return trimEndOf(Buffer.from(mixed).toString('base64'), '=');
}
