import { fileURLToPath } from 'node:url';
import { createLogger } from '@coffer/base';
import type { AutoSeal } from '@coffer/core';
import { defined, type Environment } from '../config/config-values.ts';
import { type ConfigFindings, examineConfig, type ServerConfig } from '../config/server-config.ts';
import { userLockoutOf } from '../config/user-lockout-config.ts';
import { readSeals } from '../seals.ts';
import { Check } from './check.ts';
import { checkFiles } from './file-checks.ts';
import { checkListenerAddresses, checkListenerTls } from './listener-checks.ts';
import { checkPluginDirectory } from './plugin-checks.ts';
import { checkStorage } from './storage-checks.ts';
import { checkDisks, checkOpenFiles, warnIfReadable } from './system-checks.ts';

const NO_LOG = createLogger('', 'error', () => undefined);

/** What may be left out. */
export const SKIPPABLE = ['listener', 'storage', 'autounseal'] as const;
export type Skippable = (typeof SKIPPABLE)[number];

/** Looks at everything that a start needs, and changes nothing. Never rejects. */
export async function diagnose(
  paths: readonly string[],
  env: Environment,
  skips: readonly Skippable[],
): Promise<Check> {
  const root = new Check('Vault Diagnose');
  const findings = await examineConfig(paths, env);
  const { config } = findings;
  await root.part('Check Operating System', async (check) => {
    await check.part('Check Open File Limits', checkOpenFiles);
    if (config !== undefined) await check.part('Check Disk Usage', (part) => checkDisks(part, config));
  });
  await root.part('Parse Configuration', (check) => reportConfig(check, findings, env));
  if (config === undefined) return root;
  await root.part('Check Files', (check) => checkFiles(check, config, findings.files));
  const unlessSkipped = (name: Skippable, look: (check: Check) => Promise<void>) => async (check: Check) =>
    skips.includes(name) ? check.skip(`-skip=${name}`) : look(check);
  await root.part('Check Plugin Directory', (check) => checkPluginDirectory(check, config));
  await root.part(
    'Check Storage',
    unlessSkipped('storage', (check) => checkStorage(check, config.storage)),
  );
  await root.part(
    'Create Vault Server Configuration Seals',
    unlessSkipped('autounseal', (check) => checkSeals(check, config, env)),
  );
  await root.part(
    'Start Listeners',
    unlessSkipped('listener', async (check) => {
      await check.part('Check Listener TLS', (part) => checkListenerTls(part, config.listeners));
      await check.part('Create Listeners', (part) => checkListenerAddresses(part, config.listeners));
    }),
  );
  return root;
}

function reportConfig(check: Check, { config, errors, warnings }: ConfigFindings, env: Environment): void {
  for (const { message } of errors) check.fail(message);
  for (const warning of warnings) check.warn(warning);
  if (config !== undefined) userLockoutOf(config, env);
  if (errors.length === 0) check.ok('Vault configuration syntax is ok.');
}

/** The seal that is configured, and the one that a store would be moved away from. Nothing is asked of a store here. */
async function checkSeals(check: Check, { seal, formerSeal }: ServerConfig, env: Environment): Promise<void> {
  // Whoever reads a secret takes it out of the environment, which is not ours to change.
  const seals = await readSeals({ ...defined('seal', seal), ...defined('formerSeal', formerSeal) }, { ...env }, NO_LOG);
  if (seal === undefined) check.ok('The server is unsealed with key shares.');
  for (const each of [seal, formerSeal]) {
    if (each?.type !== 'static') continue;
    for (const { url } of [each.current, ...(each.previous ? [each.previous] : [])]) {
      if (url.startsWith('file://')) await warnIfReadable(check, fileURLToPath(url), 'the key');
    }
    check.ok('The static key is readable.');
  }
  for (const auto of [seals.autoSeal, seals.formerSeal]) {
    if (auto === undefined) continue;
    if (auto.type === 'transit') await checkTransit(check, auto);
    auto.forget();
  }
}

/** Asks for a key that is thrown away. */
async function checkTransit(check: Check, seal: AutoSeal): Promise<void> {
  const { key, keyId } = await seal.sealingKey();
  key.fill(0);
  check.ok(`The other server's transit engine encrypts (${keyId}).`);
}
