import { didYouMean, isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import type { SecretResponse } from '@coffer/client';
import type { Ui } from '../ui.ts';
import { usageFailure } from '../failure.ts';
import { ownValue, renderJson, renderYaml, sortKeys } from './document.ts';
import { goValue, isList, tableValue } from './go-value.ts';
import { dataRows, secretDocument, secretField, secretRows } from './secret.ts';
import { renderTable } from './table.ts';
import { printWarnings } from './warnings.ts';

export const FORMATS = ['table', 'json', 'yaml', 'yml', 'raw'] as const;
export type Format = (typeof FORMATS)[number];

/** Prints answers in the format that was asked for. Each method returns the exit code. */
export interface Printer {
  readonly format: Format;
  /** -field; empty when not given. */
  readonly field: string;
  /** The same printer with another -field. */
  withField(field: string): Printer;
  /** A whole answer, or the one field of it that was asked for. */
  secret(secret: SecretResponse): number;
  /** Keys of a list answer; with `detailed` what the server knows about each. */
  list(secret: SecretResponse, detailed: boolean): number;
  /** A document without the envelope of an answer; a table only for objects. Outside tables keys stay in the order given. */
  data(data: JsonValue): number;
  /** One field out of a document, named as `kind` when it is absent. */
  fieldOf(document: JsonObject, kind: string): number;
  /** Rows in table format; the document in the others. */
  rowsOr(rows: () => readonly (readonly string[])[], document: () => JsonValue): number;
  /** A line for people: shown in table format only, as a machine would trip over it. */
  notice(text: string): void;
}

export function createPrinter(ui: Ui, format: Format, field: string): Printer {
  const render = (document: JsonValue): string => (format === 'json' ? renderJson(document) : renderYaml(document));

  function table(rows: readonly string[][]): number {
    if (rows.length > 0) ui.output(renderTable([['Key', 'Value'], ...rows]));
    return 0;
  }

  function value(found: JsonValue | undefined, kind: string, present: () => readonly string[]): number {
    if (found === undefined || found === null) {
      const meant = didYouMean(field, present());
      throw usageFailure(
        `Field ${JSON.stringify(field)} not present in ${kind}${meant === undefined ? '' : `\n${meant}`}`,
      );
    }
    const plain = format === 'table' || format === 'raw';
    ui.value(plain ? goValue(found) : render(sortKeys(found)));
    return 0;
  }

  function document(data: JsonValue): number {
    ui.output(render(data));
    return 0;
  }

  return {
    format,
    field,
    withField: (other) => createPrinter(ui, format, other),
    secret(secret) {
      if (format === 'table') printWarnings(ui, secret.warnings);
      if (field !== '')
        return value(secretField(secret, field), 'secret', () => secretRows(secret).map(([name = '']) => name));
      return format === 'table' ? table(secretRows(secret)) : document(secretDocument(secret));
    },
    list(secret, detailed) {
      const keys = secret.data?.['keys'] ?? null;
      if (format !== 'table') return document(detailed ? secretDocument(secret) : keys);
      printWarnings(ui, secret.warnings);
      const names = isList(keys) ? keys.map(goValue).sort() : [];
      const info = secret.data?.['key_info'];
      if (names.length > 0) ui.output(renderTable(listRows(names, detailed ? info : undefined)));
      return 0;
    },
    data: (data) => (format === 'table' ? table(dataRows(isJsonObject(data) ? data : {})) : document(data)),
    fieldOf: (data, kind) => value(ownValue(data, field), kind, () => Object.keys(data)),
    rowsOr(rows, data) {
      if (format !== 'table') return document(data());
      ui.output(renderTable(rows()));
      return 0;
    },
    notice: (text) => (format === 'table' ? ui.output(text) : undefined),
  };
}

function listRows(names: readonly string[], info: JsonValue | undefined): string[][] {
  if (!isJsonObject(info) || Object.keys(info).length === 0) return [['Keys'], ...names.map((name) => [name])];
  const about = (name: string) => {
    const known = ownValue(info, name);
    return isJsonObject(known) ? known : {};
  };
  const titles = [...new Set(names.flatMap((name) => Object.keys(about(name))))].sort();
  const row = (name: string) => [
    name,
    ...titles.map((title) => {
      const value = ownValue(about(name), title);
      return value === undefined ? '' : tableValue(title, value);
    }),
  ];
  return [['Keys', ...titles], ...names.map(row)];
}
