import type { Product } from '@elevens/shared/src/catalogue/records.ts';
import handsUrl from '../../ui/art/stage-hands.svg?url';
import hostUrl from '../../ui/art/stage-host.svg?url';
import { ProductCutout } from '../../ui/Pictures.tsx';

/** The scene at the stall, drawn: the host holds up whatever is pinned. It stands where the video will be. */
export function Stage({ product, label }: { product: Product | null; label: string }) {
  return (
    <div className="video" role="img" aria-label={label}>
      <div className="scene">
        <img src={hostUrl} alt="" />
        {product !== null && <ProductCutout product={product} className="held" />}
        <img src={handsUrl} alt="" />
      </div>
    </div>
  );
}
