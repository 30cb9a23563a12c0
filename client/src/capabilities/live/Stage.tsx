import type { Product } from '@elevens/shared/src/catalogue/records.ts';
import handsUrl from '../../ui/art/stage-hands.svg?url';
import hostUrl from '../../ui/art/stage-host.svg?url';
import hostShortUrl from '../../ui/art/stage-host-short.svg?url';
import { ProductCutout } from '../../ui/Pictures.tsx';
import { foldOf } from '../../ui/pictures.ts';

/** The people the project has drawn; a host keeps one of them, by name. */
const figures = [hostShortUrl, hostUrl] as const;

/** The scene at the stall, drawn: the host holds up whatever is pinned. Without a label it is an ornament beside its words. */
export function Stage({ product, host, label }: { product: Product | null; host: string; label: string }) {
  return (
    <div className="video" {...(label === '' ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label })}>
      <div className="scene">
        <img src={figures[foldOf(host) % figures.length]} alt="" />
        {product !== null && <ProductCutout product={product} className="held" />}
        <img src={handsUrl} alt="" />
      </div>
    </div>
  );
}
