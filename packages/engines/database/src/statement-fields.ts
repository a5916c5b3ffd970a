import { CofferError, isCofferError } from '@coffer/base';
import type { StatementPurpose } from '@coffer/database-plugin';
import type { PathResponse } from '@coffer/framework';
import { readConfig } from './config-entry.ts';
import type { EngineParts } from './engine-parts.ts';
import type { DatabasePlugins } from './plugins.ts';

/** A field that holds statements. */
export interface StatementField {
  readonly field: string;
  readonly purpose: StatementPurpose;
  readonly statements: readonly string[];
}

/**
 * Refuses statements that the built-in database of a plugin's name can never run. What a foreign plugin makes of its statements
 * is its own affair.
 *
 * @throws CofferError `invalid-request` that names the field
 */
export function checkStatements(
  plugins: DatabasePlugins,
  pluginName: string | undefined,
  fields: readonly StatementField[],
): void {
  for (const { field, purpose, statements } of fields) {
    try {
      plugins.checkStatements?.(pluginName, purpose, statements);
    } catch (error) {
      if (!isCofferError(error, 'invalid-request')) throw error;
      throw new CofferError(error.code, `field "${field}": ${error.message}`, { cause: error.cause });
    }
  }
}

/**
 * {@link checkStatements} for a role. Answers a warning for one whose connection is yet to be written, since nobody knows which
 * plugin is going to run its statements.
 *
 * @throws CofferError `invalid-request` that names the field
 */
export async function checkRoleStatements(
  { context, plugins }: Pick<EngineParts, 'context' | 'plugins'>,
  dbName: string,
  fields: readonly StatementField[],
): Promise<readonly string[]> {
  const config = await readConfig(context.storage, dbName);
  try {
    checkStatements(plugins, config?.pluginName, fields);
    return [];
  } catch (error) {
    if (config !== undefined || !isCofferError(error, 'invalid-request')) throw error;
    return [`${error.message}. The role was written, since there is no connection "${dbName}" yet.`];
  }
}

/** The answer of a path that has nothing else to say. */
export function withWarnings(warnings: readonly string[]): PathResponse {
  return warnings.length === 0 ? undefined : { data: null, warnings };
}
