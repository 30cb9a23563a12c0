import { useWall } from '../../capabilities/control/use-wall.ts';
import { useWords } from '../../platform/i18n.ts';
import { usePlatform, useSession } from '../../platform/platform.tsx';
import { Mark } from '../../ui/Icon.tsx';
import { NetLine } from '../../ui/NetLine.tsx';
import { Hurt, Unlit } from '../../ui/Pieces.tsx';
import { Lamps, type LinkState, SignIn } from './SignIn.tsx';
import { Top } from './Top.tsx';
import { Wall } from './Wall.tsx';

/** Someone who is known but may not see the figures. */
function Closed({ title, words }: { title: string; words: string }) {
  const { t } = useWords();
  const { identity, connection } = usePlatform();
  return (
    <main className="door">
      <div className="in">
        <p className="house">
          <Mark name="mark" className="mark" />
          <b>{t('brand')}</b> {t('room')}
        </p>
        <Hurt
          icon="shield"
          title={title}
          act={
            <button
              type="button"
              className="btn"
              onClick={() => {
                identity.forget();
                void connection.restart();
              }}
            >
              {t('notOperator.do')}
            </button>
          }
        >
          {words}
        </Hurt>
      </div>
      <Lamps lit={false} />
    </main>
  );
}

function Figures() {
  const { t } = useWords();
  const view = useWall();
  if (view.is === 'refused') return <Closed title={t('refusedTitle')} words={t('refused', { why: view.why })} />;
  if (view.is === 'shown')
    return <Wall wall={view.wall} old={view.old} ageMs={view.ageMs} top={<Top old={view.old} />} />;
  return (
    <main className="room">
      <Top old={false} />
      <div className="first">
        <Unlit label={t('waiting')} lines={6} />
      </div>
    </main>
  );
}

/** The control room: the door, or the figures. */
export function App({ link }: { link: LinkState }) {
  const { t } = useWords();
  const session = useSession();
  const page =
    session === null ? (
      <SignIn link={link} />
    ) : session.roles.includes('operator') ? (
      <Figures />
    ) : (
      <Closed title={t('notOperator.title')} words={t('notOperator.text', { name: session.displayName })} />
    );
  return (
    <>
      <a className="skip btn" href="#desk">
        {t('skip')}
      </a>
      {page}
      <NetLine />
    </>
  );
}
