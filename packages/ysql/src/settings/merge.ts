import { CofferError, type JsonObject, type JsonValue } from '@coffer/base';
import {
  byOurNames,
  canonical,
  contradiction,
  contradictions,
  isGiven,
  parseConnectionUrl,
  QUIET,
  readBoolean,
  readText,
  remedy,
  saidBy,
  type UrlSettings,
} from '@coffer/yb-connection';
import { findField } from './fields.ts';

export interface MergedConfig {
  readonly config: JsonObject;
  readonly warnings: readonly string[];
}

/**
 * A stored configuration with what was written now. Fields that are not written keep their value, but for this: where a
 * connection_url and fields say different things, what was written now counts. A written URL replaces the stored fields that it
 * contradicts; written fields replace a stored URL when they say all that it says. Everything else that contradicts itself is
 * refused, so that nothing that was written loses without a word.
 *
 * @throws CofferError `invalid-request` naming the field and connection_url, with what to do
 */
export function mergeYsqlConfig(stored: JsonObject, written: JsonObject): MergedConfig {
  const warnings: string[] = [];
  const asked = byOurNames(written, {
    warn: (message) => warnings.push(message),
    refuse: (problem) => {
      throw new CofferError('invalid-request', problem);
    },
  });
  const config: Record<string, JsonValue> = { ...byOurNames(stored, QUIET), ...asked };
  if (!isGiven(config['connection_url'])) return { config, warnings };

  const url = parseStored(config);
  const said = saidBy(url);
  const against = contradictions(config, said);
  const asking = against.find((name) => Object.hasOwn(asked, name));
  if (asking !== undefined) {
    if (isGiven(asked['connection_url'])) {
      throw new CofferError(
        'invalid-request',
        `${contradiction(asking, config, said, 'connection_url')}: ${remedy(asking)}`,
      );
    }
    const missing = notSaidBy(config, asked, url, said);
    if (!isGiven(asked['host']) || missing.length > 0) throw half(asking, config, said, missing);
    delete config['connection_url'];
    warnings.push(
      `the stored connection_url was taken out: ${Object.keys(asked)
        .filter((name) => said.has(name))
        .join(', ')} replace it`,
    );
    return { config, warnings };
  }
  for (const name of against) delete config[name];
  if (against.length > 0)
    warnings.push(`the stored ${against.join(', ')} was taken out: connection_url says otherwise`);
  return { config, warnings };
}

function parseStored(config: JsonObject): UrlSettings {
  return parseConnectionUrl(readText(config, 'connection_url'), {
    username: readText(config, 'username'),
    password: readText(config, 'password'),
    encoded: readBoolean(config, 'disable_escaping'),
  });
}

/** What the URL says and the fields do not: it would be lost without the URL. */
function notSaidBy(
  config: JsonObject,
  asked: JsonObject,
  url: UrlSettings,
  said: ReadonlyMap<string, string>,
): readonly string[] {
  const fields = [...said].filter(([name, value]) => {
    const own = isGiven(config[name]) ? config[name] : findField(name)?.default;
    return !Object.hasOwn(asked, name) && (own === undefined || canonical(name, own) !== value);
  });
  return [...fields.map(([name]) => name), ...Object.keys(url.parameters)];
}

function half(
  name: string,
  config: JsonObject,
  said: ReadonlyMap<string, string>,
  missing: readonly string[],
): CofferError {
  const lost = missing.length === 0 ? '' : `, which also says ${missing.join(', ')}`;
  return new CofferError(
    'invalid-request',
    `${contradiction(name, config, said, 'the stored connection_url')}${lost}: write the change into connection_url, or connection_url="" with all that is to hold in its place`,
  );
}
