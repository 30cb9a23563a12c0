import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { contracts } from '@elevens/shared/src/contracts.ts';
import { disconnects, faults } from '@elevens/shared/src/faults.ts';

type Row = readonly string[];

function table(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const forWhom = (callers: 'anyone' | readonly string[]) => (callers === 'anyone' ? 'anyone' : callers.join(', '));
const yesNo = (yes: boolean) => (yes ? 'yes' : 'no');

/** The tables of docs/API.md, each made of what the server itself runs on. */
const tables: Readonly<Record<string, () => string>> = {
  commands: () =>
    table(
      ['command', 'for', 'cost', 'requestId', 'what it does', 'may refuse with'],
      contracts.flatMap((contract) =>
        Object.entries(contract.commands).map(([key, command]) => [
          `\`${contract.name}:${key}\``,
          forWhom(command.callers),
          String(command.cost),
          yesNo(command.changes),
          command.summary,
          Object.keys(command.rejections)
            .filter((why) => why !== 'request-id-reused')
            .map((why) => `\`${why}\``)
            .join(', '),
        ]),
      ),
    ),
  feeds: () =>
    table(
      ['feed', 'kind', 'for', 'what it tells'],
      contracts.flatMap((contract) =>
        Object.entries(contract.feeds).map(([key, feed]) => [
          `\`${contract.name}:${key}\``,
          feed.kind,
          feed.scope === 'own' ? `${forWhom(feed.callers)}, of oneself` : forWhom(feed.callers),
          feed.summary,
        ]),
      ),
    ),
  faults: () =>
    table(
      ['fault', 'HTTP', 'worth sending again', 'meaning'],
      Object.entries(faults).map(([code, fault]) => [
        `\`${code}\``,
        String(fault.http),
        yesNo(fault.retry),
        fault.meaning,
      ]),
    ),
  disconnects: () =>
    table(
      ['code', 'come back', 'meaning'],
      Object.entries(disconnects).map(([code, { reconnect, meaning }]) => [`\`${code}\``, yesNo(reconnect), meaning]),
    ),
};

const languages: Readonly<Record<string, string>> = { '.mjs': 'js', '.py': 'python' };

/** The page with every table and example as it should be now. Throws for a table that nobody makes. */
export function filledIn(page: string, docsDir: string): string {
  return page.replace(/<!-- (table|file): (\S+) -->\n[\s\S]*?<!-- end -->/g, (_all, kind: string, name: string) => {
    const content =
      kind === 'table'
        ? tables[name]?.()
        : `\`\`\`${languages[extname(name)]}\n${readFileSync(join(docsDir, name), 'utf8').trimEnd()}\n\`\`\``;
    if (content === undefined) throw new Error(`docs/API.md asks for a table of ${name}, which nobody makes`);
    return `<!-- ${kind}: ${name} -->\n\n${content}\n\n<!-- end -->`;
  });
}
