import { fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Longest wait for any one answer of a child; a benchmark that hangs should say so and end. */
const answerMsMax = 60_000;

/** Starts a process of this folder. `ask` sends a message and waits for its answer, `end` stops the process. */
export function startProcess(file, { args = [], execArgv = [] } = {}) {
  const child = fork(join(import.meta.dirname, file), args.map(String), { execArgv });
  let last = 0;
  const waiting = new Map();
  const failAll = (reason) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ${reason}`));
    waiting.clear();
  };
  child.on('message', ({ id, answer, error }) => {
    const waiter = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) waiter?.resolve(answer);
    else waiter?.reject(new Error(`${file}: ${error}`));
  });
  child.on('exit', (code, signal) => failAll(`ended with ${code ?? signal}`));

  return {
    ask(what, input = {}) {
      const id = ++last;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${file} did not answer ${what}`)), answerMsMax);
        const settle = (f) => (value) => {
          clearTimeout(timer);
          f(value);
        };
        waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
        child.send({ id, what, input });
      });
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The other side of `startProcess`: answers each question by the function of its name. */
export function answerQuestions(answers) {
  async function answer({ id, what, input }) {
    try {
      process.send({ id, answer: await answers[what](input) });
    } catch (error) {
      process.send({ id, error: String(error?.stack ?? error) });
    }
  }
  process.on('message', (question) => void answer(question));
  process.on('disconnect', () => process.exit());
}

const require = createRequire(import.meta.url);

/** The version of an installed package, for the facts of a result. Read from its file: not every package exports it. */
export function versionOf(name) {
  for (const folder of require.resolve.paths(name) ?? []) {
    const file = join(folder, name, 'package.json');
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')).version;
  }
  throw new Error(`${name} is not installed`);
}
