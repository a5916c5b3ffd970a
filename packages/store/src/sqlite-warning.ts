/**
 * Keeps from users that Node.js 24, up to some of its releases, calls its SQLite an experiment, on stderr, with each command and again
 * for the store's thread. Imported before `node:sqlite`, which says it when it is loaded.
 */
const emitWarning = process.emitWarning.bind(process);

process.emitWarning = (...args: unknown[]): void => {
  if (args[1] === 'ExperimentalWarning' && String(args[0]).startsWith('SQLite ')) return;
  Reflect.apply(emitWarning, undefined, args);
};
