import { oncePerObject } from '@coffer/base';
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
interface PolicyEntry {
  readonly policy: string;
}
const POLICY = entry<PolicyEntry>({ policy: string() });

export function createPasswordPolicies(storage: EntryStorage): PasswordPolicies {
  const policies = storage.kept('', POLICY);
  /** By the entry, which is another one when it was changed. */
  const parsed = oncePerObject(({ policy }: PolicyEntry) => parsePasswordPolicy(policy));
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
      const found = await policies.get(name);
      if (found === undefined) throw missingPolicy(name);
      return generatePassword(parsed(found));
    },
  };
}
