import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A whole server in a process of its own, on a free port, with its own empty data. */
export interface OwnServer {
  url: string;
  dataDir: string;
  pid: number;
  /** The code of the operator's one-click link. */
  operatorLink: string;
  /** Drains it, removes its data, and answers with the exit code. */
  stop(): Promise<number | null>;
}

/** A fresh Redis and an empty festival are up within a second; a machine that is very busy gets a minute. */
const startMs = 60_000;
/** What is kept of its output, to be shown where it does not start. */
const outputCharsMax = 20_000;
/** Draining takes seconds at most; after this it is not going to end by itself. */
const stopMs = 20_000;

const root = join(import.meta.dirname, '..');

/** Starts a server on a festival file. Its warnings and errors go to `hear`; there should be none. */
export async function startOwnServer({
  festival,
  hear,
}: {
  festival: string;
  hear: (text: string) => void;
}): Promise<OwnServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'elevens-load-'));
  const child = spawn(process.execPath, [join(root, 'server', 'src', 'main.ts')], {
    cwd: root,
    env: {
      ...process.env,
      NODE_ENV: '',
      HOST: '127.0.0.1',
      PORT: '0',
      METRICS_PORT: '0',
      DATA_DIR: dataDir,
      REDIS_URL: '',
      FESTIVAL: festival,
      DEMO: 'on',
      DEMO_CROWD: '0',
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = new Promise<number | null>((resolve) => child.once('close', resolve));
  const clear = () => rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  // Whoever interrupts the load gets no orphan: Redis ends with its server.
  const abandon = () => {
    child.kill('SIGKILL');
    clear();
  };
  process.once('exit', abandon);
  try {
    const { url, operatorLink } = await linesOf(child, hear);
    return {
      url,
      dataDir,
      pid: child.pid ?? 0,
      operatorLink,
      async stop() {
        child.kill('SIGTERM');
        const late = setTimeout(() => child.kill('SIGKILL'), stopMs);
        const code = await gone;
        clearTimeout(late);
        process.off('exit', abandon);
        clear();
        return code;
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    await gone;
    process.off('exit', abandon);
    clear();
    throw error;
  }
}

function linesOf(child: ChildProcess, hear: (text: string) => void): Promise<{ url: string; operatorLink: string }> {
  return new Promise((resolve, reject) => {
    let output = '';
    let started = false;
    const fail = (why: string) => reject(new Error(`The server did not start: ${why}\n${output}`));
    const late = setTimeout(() => fail(`nothing after ${startMs / 1_000} s`), startMs);
    const look = (chunk: string) => {
      if (started) return hear(chunk);
      output = (output + chunk).slice(-outputCharsMax);
      const url = /Elevens is live: (\S+)/.exec(output)?.[1];
      const operatorLink = /\/control-room#link=([\w-]+)/.exec(output)?.[1];
      if (url === undefined || operatorLink === undefined) return undefined;
      started = true;
      clearTimeout(late);
      return resolve({ url, operatorLink });
    };
    child.stdout?.setEncoding('utf8').on('data', look);
    child.stderr?.setEncoding('utf8').on('data', look);
    child.once('error', (error) => fail(error.message));
    child.once('close', (code) => {
      clearTimeout(late);
      fail(`it ended with ${code}`);
    });
  });
}
