/** Terraform and its provider for Vault, where TERRAFORM and TERRAFORM_PROVIDER_VAULT name them: neither is downloaded. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { cleanEnvironment, ended } from '../coffer-process.ts';

export interface TerraformPrograms {
  readonly terraform: string;
  readonly provider: string;
}

/** The programs, or why there are none: a line to skip the tests with. @throws Error when one is named that is not there */
export function terraformPrograms(): TerraformPrograms | { readonly missing: string } {
  const { TERRAFORM: terraform = '', TERRAFORM_PROVIDER_VAULT: provider = '' } = process.env;
  if (terraform === '' || provider === '') {
    return { missing: 'TERRAFORM and TERRAFORM_PROVIDER_VAULT name no programs: the tests with Terraform are skipped' };
  }
  for (const file of [terraform, provider]) if (!existsSync(file)) throw new Error(`${file}: no such file`);
  return { terraform: resolve(terraform), provider: resolve(provider) };
}

export interface Outcome {
  readonly exit: number;
  readonly output: string;
}

/** A folder with a configuration and its state. */
export class Workspace {
  readonly #directory: string;
  readonly #terraform: string;
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(directory: string, terraform: string, environment: Readonly<Record<string, string>>) {
    this.#directory = directory;
    this.#terraform = terraform;
    this.#environment = environment;
  }

  /** @param variables of the configuration, those that are no text as JSON */
  static async make(
    { terraform, provider }: TerraformPrograms,
    address: string,
    variables: Readonly<Record<string, string>>,
  ): Promise<Workspace> {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-terraform-'));
    // A provider that is built, not installed (developer.hashicorp.com/terraform/cli/config/config-file#development-overrides).
    await mkdir(join(directory, 'provider'));
    await symlink(provider, join(directory, 'provider/terraform-provider-vault'));
    const overrides = `dev_overrides { "hashicorp/vault" = ${JSON.stringify(join(directory, 'provider'))} }`;
    await writeFile(join(directory, 'cli.tfrc'), `provider_installation {\n${overrides}\ndirect {}\n}\n`);
    return new Workspace(directory, terraform, {
      VAULT_ADDR: address,
      VAULT_TOKEN: 'root',
      TF_CLI_CONFIG_FILE: join(directory, 'cli.tfrc'),
      CHECKPOINT_DISABLE: '1',
      ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [`TF_VAR_${name}`, value])),
    });
  }

  async configure(text: string): Promise<void> {
    await writeFile(join(this.#directory, 'main.tf'), text);
  }

  async configureFrom(file: string): Promise<void> {
    await copyFile(file, join(this.#directory, 'main.tf'));
  }

  state(): Promise<string> {
    return readFile(join(this.#directory, 'terraform.tfstate'), 'utf8');
  }

  /** @throws AssertionError with what was printed when it fails */
  async apply(...args: readonly string[]): Promise<void> {
    await this.#succeed('apply', '-auto-approve', ...args);
  }

  async destroy(...args: readonly string[]): Promise<void> {
    await this.#succeed('destroy', '-auto-approve', ...args);
  }

  /** @throws AssertionError with the plan when there is anything to do */
  async assertNothingToDo(...args: readonly string[]): Promise<void> {
    const { exit, output } = await this.#run('plan', '-detailed-exitcode', ...args);
    assert.equal(exit, 0, output);
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }

  async #succeed(...args: readonly [string, ...string[]]): Promise<void> {
    const { exit, output } = await this.#run(...args);
    assert.equal(exit, 0, output);
  }

  /** One request at a time, so that what is recorded has an order. */
  async #run(command: string, ...args: readonly string[]): Promise<Outcome> {
    const child = spawn(this.#terraform, [command, '-input=false', '-no-color', '-parallelism=1', ...args], {
      cwd: this.#directory,
      env: cleanEnvironment(this.#environment),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
    return { exit, output: `${stdout}${stderr}` };
  }
}
