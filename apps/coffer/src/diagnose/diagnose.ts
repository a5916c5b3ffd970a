import { fileURLToPath } from 'node:url';
import { wipeStaticSeal } from '@coffer/core';
import { type ConfigFindings, examineConfig, type ServerConfig } from '../config/server-config.ts';
import { readStaticSeal } from '../static-seal.ts';
import { Check } from './check.ts';
import { checkListenerAddresses, checkListenerTls } from './listener-checks.ts';
import { checkPluginDirectory } from './plugin-checks.ts';
import { checkStorage } from './storage-checks.ts';
import { checkDisks, checkOpenFiles, checkWritable, warnIfReadable } from './system-checks.ts';

type Environment = Readonly<Record<string, string | undefined>>;

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
  await root.part('Parse Configuration', (check) => reportConfig(check, findings));
  if (config === undefined) return root;
  await root.part('Check Files', (check) => checkFiles(check, config, findings));
  const unlessSkipped = (name: Skippable, look: (check: Check) => Promise<void>) => async (check: Check) =>
    skips.includes(name) ? check.skip(`-skip=${name}`) : look(check);
  await root.part('Check Plugin Directory', (check) => checkPluginDirectory(check, config));
  await root.part(
    'Check Storage',
    unlessSkipped('storage', (check) => checkStorage(check, config.storage)),
  );
  await root.part(
    'Create Vault Server Configuration Seals',
    unlessSkipped('autounseal', (check) => checkSeal(check, config, env)),
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

function reportConfig(check: Check, { errors, warnings }: ConfigFindings): void {
  for (const { message } of errors) check.fail(message);
  for (const warning of warnings) check.warn(warning);
  if (errors.length === 0) check.ok('Vault configuration syntax is ok.');
}

async function checkFiles(check: Check, config: ServerConfig, { files }: ConfigFindings): Promise<void> {
  const { storage, logFile, pidFile } = config;
  if (storage.type === 'yugabytedb') {
    for (const file of files) await warnIfReadable(check, file, 'the password of the store');
  }
  if (logFile !== undefined) await check.part('Check Log File', (part) => checkWritable(part, logFile));
  if (pidFile !== undefined) await check.part('Check Pid File', (part) => checkWritable(part, pidFile));
}

async function checkSeal(check: Check, { seal }: ServerConfig, env: Environment): Promise<void> {
  if (seal === undefined) return check.ok('The seal is opened by key shares.');
  // Whoever reads a key takes it out of the environment, which is not ours to change.
  wipeStaticSeal(await readStaticSeal(seal, { ...env }));
  for (const { url } of [seal.current, ...(seal.previous ? [seal.previous] : [])]) {
    if (url.startsWith('file://')) await warnIfReadable(check, fileURLToPath(url), 'the key');
  }
  check.ok('The static key can be read.');
}
