/** Another server's transit engine, as far as a seal sees of it. */
import { randomBytes } from 'node:crypto';
import { CofferError } from '@coffer/base';
import type { AutoSeal } from './auto-seal.ts';

/** Keys of one transit key, by what they were wrapped as. Survives the seals that are made of it. */
export class FakeTransit {
  readonly #wrapped = new Map<string, Uint8Array>();
  version = 1;
  /** What it says in place of an answer. */
  failure: CofferError | undefined;
  /** How often it was asked. */
  asked = 0;

  seal(): AutoSeal {
    const answer = <T>(value: () => T): T => {
      this.asked++;
      if (this.failure !== undefined) throw this.failure;
      return value();
    };
    return {
      type: 'transit',
      requireSealOf: () => undefined,
      sealingKey: async () =>
        answer(() => {
          const wrappedKey = `vault:v${this.version}:${randomBytes(8).toString('base64')}`;
          const key = randomBytes(32);
          this.#wrapped.set(wrappedKey, Uint8Array.from(key));
          return { keyId: `unseal:v${this.version}`, wrappedKey, key };
        }),
      keyOf: async ({ wrappedKey = '' }) =>
        answer(() => {
          const key = this.#wrapped.get(wrappedKey);
          if (key === undefined) throw new CofferError('failed', 'seal "transit": 400 invalid ciphertext');
          return Uint8Array.from(key);
        }),
      forget: () => undefined,
    };
  }

  /** As a transit key whose minimum decryption version is raised. */
  dropOlder(): void {
    for (const wrapped of this.#wrapped.keys()) {
      if (!wrapped.startsWith(`vault:v${this.version}:`)) this.#wrapped.delete(wrapped);
    }
  }
}

export const away = (): CofferError => new CofferError('unavailable', 'seal "transit": connection refused');
