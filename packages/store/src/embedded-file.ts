/**
 * The embedded engine's file: made whole or not at all, opened by one process at a time, and checked before it is used.
 * Runs in the store's thread.
 */
import './sqlite-warning.ts';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { appliedMigrations, MIGRATIONS, READ_MIGRATIONS, statementsOf } from './schema.ts';

/** Primary result codes of SQLite (https://sqlite.org/rescode.html); `errcode` carries them in its low byte. */
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

/** What follows the name of the store's file in that of a copy, which is there only while it is read. */
export const COPY_MARK = '.copy-';

/** @throws Error whose message says what is wrong with the file and what to do */
export function openEmbeddedFile(path: string): DatabaseSync {
  if (path === ':memory:') return openAndMigrate(path);
  if (existsSync(path) && statSync(path).size === 0) {
    throw new Error(
      `the store at ${path} is empty: it was cut off. Restore a backup, or remove it to start with a new store`,
    );
  }
  if (!existsSync(path)) makeFile(path);
  const database = openAndMigrate(path);
  removeCopies(path);
  try {
    checkIntegrity(database);
  } catch (error) {
    database.close();
    throw describeFileError(path, error);
  }
  return database;
}

/** What is wrong with the file and what to do, from SQLite's error; undefined when the statement is at fault. */
export function fileErrorText(error: unknown): string | undefined {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  switch (code) {
    case SQLITE_FULL:
      return 'the disk is full: nothing of this request was stored. Free some space and repeat it';
    case SQLITE_IOERR:
      return 'the disk cannot be read or written: nothing of this request was stored';
    case SQLITE_READONLY:
      return 'the file is read-only: give it to the user that runs the server';
    case SQLITE_BUSY:
      return 'another process has it open: only one server may use a store file';
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return 'the file is damaged or cut off: restore a backup';
    default:
      return undefined;
  }
}

function describeFileError(path: string, error: unknown): Error {
  const text = fileErrorText(error) ?? (error instanceof Error ? error.message : String(error));
  return text.includes(path) ? new Error(text) : new Error(`the store at ${path}: ${text}`, { cause: error });
}

/** Makes the file under another name first, so that a process killed here leaves no half-made store. */
function makeFile(path: string): void {
  const draft = `${path}.new`;
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(draft + suffix, { force: true });
  try {
    openAndMigrate(draft).close();
    chmodSync(draft, 0o600);
    renameSync(draft, path);
    syncDirectory(dirname(path));
  } catch (error) {
    throw describeFileError(path, error);
  }
}

/** Those that a killed process has left: the file is locked, so nobody reads one. */
function removeCopies(path: string): void {
  const beginning = basename(path) + COPY_MARK;
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(beginning)) rmSync(join(dirname(path), name), { force: true });
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function openAndMigrate(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    // Exclusive before the first read: the lock is kept, so a second server cannot work on the same file, and falls with
    // the process however it ends.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    database.exec('PRAGMA foreign_keys = ON');
    database.function('store_now', { deterministic: false }, () => Date.now());
    migrate(database, path);
    return database;
  } catch (error) {
    database?.close();
    throw describeFileError(path, error);
  }
}

function migrate(database: DatabaseSync, path: string): void {
  database.exec('CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY)');
  const done = appliedMigrations(path, database.prepare(READ_MIGRATIONS).get());
  for (let version = done + 1; version <= MIGRATIONS.length; version++) {
    database.exec('BEGIN IMMEDIATE');
    // SQLite does not know the words, and needs none: here a migration is made whole or not at all.
    for (const sql of statementsOf(version)) database.exec(sql.replace('ADD COLUMN IF NOT EXISTS', 'ADD COLUMN'));
    database.exec('COMMIT');
  }
}

function checkIntegrity(database: DatabaseSync): void {
  const found = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (found === 'ok') return;
  throw new Error(`the file is damaged (${String(found)}): restore a backup`);
}
