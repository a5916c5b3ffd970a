import { type EntryStorage, stored } from '@coffer/framework';
import {
  DEFAULT_PASSWORD_POLICY,
  generatePassword,
  missingPolicy,
  type PasswordPolicy,
  parsePasswordPolicy,
} from './password-policy.ts';

/** Password policies by name: the text as written. */
export interface PasswordPolicies {
  get(name: string): Promise<string | undefined>;
  /**
   * Returns the policy as it was understood.
   * @throws CofferError `invalid-request` naming the line that is wrong
   */
  put(name: string, text: string): Promise<PasswordPolicy>;
  delete(name: string): Promise<void>;
  list(): Promise<string[]>;
  /**
   * A password by the named policy; by the built-in one when the name is empty.
   * @throws CofferError `invalid-request` when there is no such policy
   */
  generate(name: string): Promise<string>;
}

const { entry, string } = stored;
const POLICY = entry<{ readonly policy: string }>({ policy: string() });

export function createPasswordPolicies(storage: EntryStorage): PasswordPolicies {
  const policies = storage.kept('', POLICY);
  /** By the entry, which is another one when it was changed. */
  const parsed = new WeakMap<object, PasswordPolicy>();
  const parsedOf = async (name: string): Promise<PasswordPolicy> => {
    const entry = await policies.get(name);
    if (entry === undefined) throw missingPolicy(name);
    const policy = parsed.get(entry) ?? parsePasswordPolicy(entry.policy);
    parsed.set(entry, policy);
    return policy;
  };
  const get = async (name: string): Promise<string | undefined> => (await policies.get(name))?.policy;
  return {
    get,
    async put(name, text) {
      const policy = parsePasswordPolicy(text);
      await policies.put(name, { policy: text });
      return policy;
    },
    delete: (name) => policies.delete(name),
    list: () => storage.list(''),
    async generate(name) {
      if (name === '') return generatePassword(DEFAULT_PASSWORD_POLICY);
      return generatePassword(await parsedOf(name));
    },
  };
}
