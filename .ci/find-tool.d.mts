export type Tool = { binary: string; from: string; version?: string };
export type FoundTools = { redis?: Tool; chromium?: Tool; k6?: Tool };
type Finding = { env?: NodeJS.ProcessEnv; say?: (line: string) => void };

export const toolsFile: string;
export function cacheDir(env?: NodeJS.ProcessEnv): string;
export function readTools(): FoundTools;
export function writeTools(found: FoundTools): void;
export function isToolMissing(error: unknown): error is Error;
export function findRedis(options?: Finding): Promise<Tool>;
export function findChromium(options?: Finding): Promise<Tool>;
export function findK6(options?: Finding): Promise<Tool>;
