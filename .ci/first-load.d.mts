export const firstLoadBytesMax: number;
export function firstLoad(options: { dist: string; pages?: readonly string[] }): {
  page: string;
  scripts: { file: string; gzippedBytes: number }[];
  totalBytes: number;
};
