import { isAbsolute } from 'node:path';
import type { FileTrust } from '@coffer/base';
import type { HclObject } from '@coffer/hcl';

/** An absolute path. @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parsePluginDirectory(config: HclObject): string | undefined {
  const pluginDirectory = config.string('plugin_directory');
  if (pluginDirectory === undefined || isAbsolute(pluginDirectory)) return pluginDirectory;
  throw config.error('"plugin_directory" must be an absolute path', config.attribute('plugin_directory'));
}

/** @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parsePluginTrust(config: HclObject): FileTrust | undefined {
  const uid = config.number('plugin_file_uid');
  const permissions = parsePermissions(config, 'plugin_file_permissions');
  if (uid !== undefined && !(Number.isInteger(uid) && uid >= 0)) {
    throw config.error('"plugin_file_uid" must be a numeric user ID', config.attribute('plugin_file_uid'));
  }
  // 0 is the default of both, and says nothing, as in Vault.
  const trust = { ...(uid && { uid }), ...(permissions && { permissions }) };
  return Object.keys(trust).length === 0 ? undefined : trust;
}

/** Octal, as chmod(1) takes it; of a number the digits count, as in Vault. */
function parsePermissions(config: HclObject, name: string): number | undefined {
  const value = config.attribute(name);
  if (value === undefined) return undefined;
  const digits = value.kind === 'string' || value.kind === 'number' ? String(value.value) : '';
  if (/^[0-7]{1,4}$/.test(digits)) return Number.parseInt(digits, 8);
  throw config.error(`"${name}" must be permissions in octal, as in "0750"`, value);
}
