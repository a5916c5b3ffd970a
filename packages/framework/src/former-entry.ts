import type { Entries } from './entry-storage.ts';
import { isDamage } from './stored.ts';

/**
 * The entry that a write is to replace, of which it keeps something. One that is damaged counts as absent, with a warning: it can be
 * mended by no other way than this write.
 */
export async function formerEntry<T>(
  entries: Pick<Entries<T>, 'get'>,
  name: string,
  warnings: string[],
): Promise<T | undefined> {
  try {
    return await entries.get(name);
  } catch (error) {
    if (!isDamage(error)) throw error;
    warnings.push(`the previous value is lost, and fields that were left out have their defaults: ${error.message}`);
    return undefined;
  }
}
