import type { WallNode, WallRedis } from '@elevens/shared/src/control/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { nodeTrouble, redisTrouble } from './machines.ts';
import { Rich } from './Rich.tsx';

/** A wall has room for six machines; with more, the ones in trouble come first. */
const shownMax = 7;

/** Nodes and Redis. Silence is health: only trouble has colour. */
export function Machines({
  nodes,
  redis,
  old,
}: {
  nodes: readonly WallNode[];
  redis: readonly WallRedis[];
  old: boolean;
}) {
  const { t, format } = useWords();
  const one = (value: number): string => format.number(Math.round(value * 10) / 10);
  const mega = (bytes: number): string => format.number(Math.round(bytes / 104_857.6) / 10);
  const first = nodes
    .toSorted((a, b) => Number(nodeTrouble(b) !== null) - Number(nodeTrouble(a) !== null))
    .slice(0, shownMax - redis.length);
  return (
    <section className={old ? 'mach old' : 'mach'} aria-label={t('machines.title')}>
      {first.map((node) => {
        const trouble = nodeTrouble(node);
        return (
          <div key={node.node} className={trouble === null ? '' : 'watch'}>
            <h3>
              <i>{node.node}</i>
              <span>{t(trouble === null ? 'machines.fine' : `machines.node.${trouble}`)}</span>
            </h3>
            <div
              className="b"
              role="meter"
              aria-label={t('machines.cpu')}
              aria-valuenow={Math.round(node.cpuShare * 100)}
            >
              <i style={{ width: `${Math.min(1, node.cpuShare) * 100}%` }} />
            </div>
            <p>
              <Rich
                text={t('machines.nodeFacts', { sockets: format.number(node.sockets), lag: one(node.loopLagMs) })}
              />
            </p>
          </div>
        );
      })}
      {nodes.length > first.length && (
        <p className="rest">{t('machines.rest', { count: nodes.length - first.length })}</p>
      )}
      {redis.map((server) => {
        const trouble = redisTrouble(server);
        return (
          <div key={server.name} className={trouble === 'unsafe' ? 'bad' : trouble === null ? '' : 'watch'}>
            <h3>
              <i>{server.name}</i>
              <span>{t(trouble === null ? 'machines.fine' : `machines.redis.${trouble}`)}</span>
            </h3>
            <p>
              <Rich text={t('machines.redisFacts', { ping: one(server.pingMs), memory: mega(server.usedBytes) })} />
            </p>
            <p>
              {t(`machines.aof.${server.aof}`, { durability: server.durability })}
              {', '}
              {t('machines.clients', { count: server.clients })}
            </p>
          </div>
        );
      })}
    </section>
  );
}
