import { CofferError, trimEndOf } from '@coffer/base';
import { OperatorAttempt } from './operator-attempt.ts';
import type { GenerateRootStatus, SealControl } from './seal-control.ts';
import type { SealRecord } from './seal-rows.ts';
import { TOKEN_LENGTH } from './tokens.ts';

export interface GenerateRootParts {
  readonly record: () => Promise<SealRecord>;
  readonly requireOpen: () => unknown;
  readonly verifyKey: (key: Uint8Array, record: SealRecord) => boolean;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly createToken: () => Promise<string>;
}

/** A new root token, agreed on by the holders of the present shares, readable only with the one-time password. */
export function createGenerateRoot(parts: GenerateRootParts): SealControl['generateRoot'] {
  const attempt = new OperatorAttempt<{ readonly otp: string }>('root generation');
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
    async start(otp) {
      parts.requireOpen();
      await parts.record();
      if (Buffer.byteLength(otp) !== TOKEN_LENGTH) {
        throw new CofferError('invalid-request', `OTP string is wrong length: it must have ${TOKEN_LENGTH} characters`);
      }
      attempt.start({ otp });
    },
    update: (share, nonce) =>
      parts.inTurn(async () => {
        parts.requireOpen();
        const record = await parts.record();
        const agreed = await attempt.add(share, nonce, record.config.threshold);
        const now = await status();
        if (agreed === undefined) return now;
        if (!parts.verifyKey(agreed.key, record)) {
          throw new CofferError(
            'invalid-request',
            'root generation failed, invalid key: the shares so far are forgotten',
          );
        }
        attempt.cancel();
        const encodedToken = encode(await parts.createToken(), agreed.wanted.otp);
        return { ...now, progress: now.required, complete: true, encodedToken };
      }),
    cancel: () => attempt.cancel(),
  };
}

/** hashicorp/vault:vault/generate_root.go: XOR, base64 without padding. */
function encode(token: string, otp: string): string {
  const pad = Buffer.from(otp);
  const mixed = Buffer.from(token).map((byte, index) => byte ^ (pad[index] ?? 0));
  return trimEndOf(Buffer.from(mixed).toString('base64'), '=');
}
