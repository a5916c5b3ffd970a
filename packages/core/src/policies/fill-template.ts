/**
 * Fills in what stands between `{{` and `}}` in the path of a rule, as hashicorp/vault:sdk/helper/identitytpl does for ACLs. A
 * value that is not there leaves the whole rule out. What is filled in is text that somebody other than the author of the policy
 * may have chosen, so it must not make a path match more than one of its segments says.
 */
import { CofferError, parseDuration } from '@coffer/base';
import type { Identity } from '../identity/identities.ts';
import type { Alias } from '../identity/identity.ts';
import type { PathRule } from './policy.ts';

/** Who asks, and when, in milliseconds since 1970. */
export interface TemplateValues {
  readonly identity: Identity | undefined;
  readonly now: number;
}

/** Whether a rule has to be filled in anew for each request. */
export function needsTime({ templated, path }: PathRule): boolean {
  return templated === true && /\{\{\s*time\./.test(path);
}

/**
 * A rule with its path filled in, if that is possible. Without leading slash.
 * @throws CofferError `permission-denied` for what would be no valid path: Vault then refuses all that the policy allows
 */
export function fillTemplate(rule: PathRule, values: TemplateValues): PathRule | undefined {
  const [head = '', ...pieces] = rule.path.split('{{');
  let path = head;
  let widens = false;
  for (const piece of pieces) {
    const [directive = '', text = ''] = piece.split('}}');
    const value = valueOf(directive.trim(), values);
    if (value === undefined || /[*+]/.test(value)) return undefined;
    widens ||= value === '' || value.includes('/');
    path += value + text;
  }
  // Vault leaves slashes to `deny_slash_in_templated_paths`, OpenBao leaves such a rule out; both fill in what is empty, so that
  // `kv/{{…}}*` allows all of `kv/`. Only what denies is kept.
  if (widens && !rule.capabilities.has('deny')) return undefined;
  if (path.includes('+*')) throw new CofferError('permission-denied', 'permission denied');
  const { capabilities, allowedParameters, deniedParameters, requiredParameters, minWrappingTtl, maxWrappingTtl } =
    rule;
  const rest = {
    capabilities,
    allowedParameters,
    deniedParameters,
    requiredParameters,
    minWrappingTtl,
    maxWrappingTtl,
  };
  return { ...rest, ...(rule.policy !== undefined && { policy: rule.policy }), path: path.replace(/^\//, '') };
}

function valueOf(directive: string, { identity, now }: TemplateValues): string | undefined {
  const entity = after(directive, 'identity.entity.');
  if (entity !== undefined) return identity && entityValue(entity, identity);
  const group = after(directive, 'identity.groups.');
  if (group !== undefined) return identity && groupValue(group, identity);
  const time = after(directive, 'time.');
  return time === undefined ? undefined : timeValue(time, now);
}

function entityValue(selector: string, { entity, aliases }: Identity): string | undefined {
  if (selector === 'id') return entity.id;
  if (selector === 'name') return notEmpty(entity.name);
  const key = after(selector, 'metadata.');
  if (key !== undefined) return own(entity.metadata, key);
  const [accessor, rest] = cut(after(selector, 'aliases.') ?? '');
  if (rest === undefined) return undefined;
  const alias = aliases.find(({ mountAccessor }) => mountAccessor === accessor);
  return alias && aliasValue(rest, alias);
}

function aliasValue(selector: string, { id, name, metadata, customMetadata }: Alias): string | undefined {
  if (selector === 'id') return id;
  if (selector === 'name') return notEmpty(name);
  const key = after(selector, 'metadata.');
  if (key !== undefined) return own(metadata, key);
  const custom = after(selector, 'custom_metadata.');
  return custom === undefined ? undefined : own(customMetadata, custom);
}

function groupValue(selector: string, { groups }: Identity): string | undefined {
  const [by, rest = ''] = cut(selector);
  const [which, what] = cut(rest);
  if ((by !== 'ids' && by !== 'names') || what === undefined) return undefined;
  const group = groups.find(({ id, name }) => (by === 'ids' ? id : name) === which);
  if (group === undefined) return undefined;
  if (what === 'id') return group.id;
  if (what === 'name') return notEmpty(group.name);
  const key = after(what, 'metadata.');
  return key === undefined ? undefined : own(group.metadata, key);
}

/** `now`, `now.plus.1h`, `now.minus.30`: seconds since 1970. */
function timeValue(selector: string, now: number): string | undefined {
  const [what, operation] = cut(selector);
  if (what !== 'now') return undefined;
  const seconds = Math.floor(now / 1000);
  if (operation === undefined) return String(seconds);
  const [sign, duration] = cut(operation);
  if (duration === undefined || (sign !== 'plus' && sign !== 'minus')) return undefined;
  try {
    return String(seconds + (sign === 'plus' ? 1 : -1) * parseDuration(duration, 'duration'));
  } catch {
    return undefined;
  }
}

function after(text: string, prefix: string): string | undefined {
  return text.startsWith(prefix) ? text.slice(prefix.length) : undefined;
}

/** In two at the first dot. */
function cut(text: string): [first: string, rest: string | undefined] {
  const at = text.indexOf('.');
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function notEmpty(text: string): string | undefined {
  return text === '' ? undefined : text;
}

function own(metadata: Readonly<Record<string, string>> | null, key: string): string | undefined {
  return metadata !== null && Object.hasOwn(metadata, key) ? metadata[key] : undefined;
}
